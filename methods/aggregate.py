"""A ranking that combines those of several other methods."""

from typing import Literal

from ..bench.errors import InputError
from ..bench.problem.problem import Problem, Scores
from ..bench.registry.arguments import pieces
from ..bench.registry.method import method
from ..bench.registry.score import score
from .ranking import mean_rank, votes

Rule = Literal["mean-rank", "vote"]


@method(
    family="aggregation",
    paper="de Borda 1781 (mean rank); Vitel & Chhabra 2025, arXiv 2511.04715 (vote)",
    rows_in="rows",
)
def aggregate(
    problem: Problem,
    rows: str = "loss+el2n+outlier-gradient",
    rule: Rule = "mean-rank",
    share: float = 0.1,
) -> Scores:
    """The mean of a sample's ranks in several rows of the benchmark (Borda), or the number of rows that vote for it.

    A row is a method with its hyperparameters, and votes for the samples that it ranks as most suspect.

    When: you do not know beforehand which row to trust, or several rows are too noisy alone. The result comes close to
    the best of its rows, whichever that is, if the rows make different errors.

    Args:
        problem: with everything that the rows use.
        rows: the rows' names with `+` between them: `loss+el2n[checkpoints=all]`.
        rule: `mean-rank`, or `vote`, which ranks samples with equal votes by their mean rank.
        share: the share of all samples, in (0, 1), that each row votes for.

    Cost (gradients): that of the rows; rows that need the same pass over the data share it.

    Raises:
        InputError: if share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise InputError(f"share={share} does not fit: it must lie between 0 and 1")
    scores = list(score(pieces(rows, "+"), problem).values())
    return mean_rank(scores) if rule == "mean-rank" else votes(scores, share)
