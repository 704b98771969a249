"""Section 4: flipped labels in half moons and blobs."""

import pandas as pd

from ....bench.results.metrics import expected_hits
from ....bench.results.run import Run
from ...statistics.estimates import mean_interval
from ...trimming.gains import gains
from ...trimming.sentences import points
from ..claim import Finding, Lacking, claim
from .figures import labelled, percent, verdict
from .rows import OUTLIER, against_best_other, problems_of, row, scores_by_problem

MOONS = "half-moons"
GIVEN_LABELS = (
    "The paper's code passes predictions, in the labels' place, to label-quality scores; given the labels, these find "
    "the flips."
)


def flagged_accuracy(run: Run, share_flagged: float) -> pd.DataFrame:
    """The paper's detection accuracy, row × slug of the problem.

    It is the share of training rows that are classified correctly as wrong or right labels when the given share of
    most suspect rows is flagged.

    Raises:
        Lacking: if no cell ended well.
    """
    cells = {}
    for problem, scores_by_row in scores_by_problem(run).items():
        truth = run.truth(problem)
        k = round(share_flagged * len(truth))
        for name, scores in scores_by_row.items():
            cells[name, problem] = 1 - (k + truth.sum() - 2 * expected_hits(scores, truth, k)) / len(truth)
    return pd.Series(cells).unstack()


@claim(
    "paper-synthetic",
    "section 4, Table 1: half moons, detection accuracy",
    "isolation forest 96.0 %, L1 and L2 98.0 %; nine baselines 82.0 to 90.0 %; flagging no flip at all gives 82.0 %",
)
def outlier_gradients_find_flips_that_baselines_miss(run: Run) -> Finding:
    """Outlier gradients find flipped labels that label-quality scores and influence functions miss."""
    table = flagged_accuracy(run, 0.1)
    slugs = [slug for slug in table.columns if run.problem(slug).spec.dataset == MOONS]
    if not slugs:
        raise Lacking(f"problem of {MOONS}")
    moons = table[slugs]
    ours, other, difference = against_best_other(run, moons)
    names = [*OUTLIER, other, "self-confidence", "margin", "influence-exact", "lissa", "datainf", "random"]
    figures = [
        labelled(name, mean_interval(moons.loc[name]), percent) for name in dict.fromkeys(names) if name in moons.index
    ]
    return Finding(
        "; ".join(figures),
        verdict(
            difference,
            f"Stands: {ours} finds more than the best other row, {other}.",
            f"Does not stand: {other} finds more than {ours}. {GIVEN_LABELS}",
            f"Half of it stands: {ours} finds the flips, but {other} finds as many. {GIVEN_LABELS}",
        ),
    )


@claim(
    "paper-synthetic",
    "section 4, Table 1: half moons, accuracy after trimming 10 %",
    "no trimming 90.0 %; isolation forest 96.0 %, L1 and L2 87.0 %; one seed",
)
def trimming_by_outlier_gradients_lifts_accuracy(run: Run) -> Finding:
    """Trimming outlier gradients and retraining lifts accuracy."""
    table = gains(run.trimmed())
    moons = table[table["problem"].isin(problems_of(run, MOONS)) & (table["budget"] == "10%")].set_index("removal")
    forest = _gain(moons, OUTLIER[0])
    figures = [
        f"{name} {percent(moons['accuracy'].to_dict()[name])} ({points(*_gain(moons, name))} over random)"
        for name in ("none", *OUTLIER, "oracle")
        if name in moons.index
    ]
    return Finding(
        "; ".join(figures),
        verdict(
            forest,
            "Stands for the isolation forest, against the random removal of as many rows.",
            "Does not stand: random removal does better.",
            "Does not stand: over several seeds, trimming cannot be distinguished from removing as many rows at "
            "random.",
        ),
    )


def _gain(table: pd.DataFrame, name: str) -> tuple[float, float, float]:
    gain, low, high = row(table, name)[["gain", "low", "high"]]
    return float(gain), float(low), float(high)
