"""Several rows of the benchmark as one."""

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
    """The mean of a sample's ranks in several rows (Borda), or in how many of them it is among the most suspect.

    When: no single row can be trusted beforehand, or several are too noisy alone. It comes close to the best of its
    rows, whichever that is: name rows that err differently.

    Args:
        problem: with what the rows use.
        rows: their names with `+` between them: `loss+el2n[checkpoints=all]`.
        rule: `mean-rank`, or `vote` with the mean rank among equal votes.
        share: of all samples, in (0, 1), that a row votes for.

    Cost (gradients): that of the rows, what they need of the same pass being one pass.
    """
    if not 0 < share < 1:
        raise InputError(f"share={share} does not fit: it must lie between 0 and 1")
    scores = list(score(pieces(rows, "+"), problem).values())
    return mean_rank(scores) if rule == "mean-rank" else votes(scores, share)
