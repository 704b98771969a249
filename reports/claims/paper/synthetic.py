"""Section 4: flipped labels in half moons and blobs."""

import pandas as pd

from ....bench.results.metrics import found
from ....bench.results.run import Run
from ...statistics import mean_interval
from ...trimming.gains import gains
from ..claim import Finding, claim
from .figures import OUTLIER, beside_the_best_other, gain, percent, told, verdict

GIVEN_LABELS = (
    "The paper's code passes predictions, in the labels' place, to label-quality scores; given the labels, these find "
    "the flips."
)


def flagged_accuracy(run: Run, share_flagged: float) -> pd.DataFrame:
    """Share of rows classified rightly as wrong or right labels when a share is flagged, row × seed (the paper's)."""
    cells = {}
    for problem, rows in run.scores_by_problem().items():
        truth = run.truth(problem)
        k = round(share_flagged * len(truth))
        for row, scores in rows.items():
            cells[row, problem] = 1 - (k + truth.sum() - 2 * found(scores, truth, k)) / len(truth)
    return pd.Series(cells).unstack()


@claim(
    "paper-synthetic",
    "section 4, Table 1: half moons, detection accuracy",
    "isolation forest 96.0 %, L1 and L2 98.0 %; nine baselines 82.0 to 90.0 %; flagging no flip at all gives 82.0 %",
)
def outlier_gradients_find_flips_that_baselines_miss(run: Run) -> Finding:
    """Outlier gradients find flipped labels that label-quality scores and influence functions miss."""
    table = flagged_accuracy(run, 0.1)
    moons = table.loc[:, table.columns.str.startswith("half-moons")]
    ours, other, difference = beside_the_best_other(moons)
    rows = [*OUTLIER, other, "self-confidence", "margin", "influence-exact", "lissa", "datainf", "random"]
    figures = [told(row, mean_interval(moons.loc[row]), percent) for row in dict.fromkeys(rows) if row in moons.index]
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
    moons = table[table["problem"].str.startswith("half-moons") & (table["budget"] == "10%")].set_index("removal")
    rows = [row for row in ("none", *OUTLIER, "oracle") if row in moons.index]
    figures = [f"{row} {percent(moons['accuracy'].to_dict()[row])} ({gain(moons, row)} over random)" for row in rows]
    forest = moons.loc[OUTLIER[0]].to_dict()
    return Finding(
        "; ".join(figures),
        verdict(
            (forest["gain"], forest["low"], forest["high"]),
            "Stands for the isolation forest, against the random removal of as many rows.",
            "Does not stand: random removal does better.",
            "Does not stand: over several seeds, trimming cannot be told from removing as many rows at random.",
        ),
    )
