"""The claims of Chhabra et al. 2025, Outlier Gradient Analysis (arXiv 2405.03869), and the confounds found in its code.

The docstring of each says what is claimed, in our words; the figures of the paper stand in its decorator.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from ..bench.metrics import found
from ..bench.results import Run
from .claims import Finding, claim
from .statistics import mean_interval
from .style import share
from .trimming import gains, points

OUTLIER = ("outlier-gradient", "outlier-gradient[detector=l1]", "outlier-gradient[detector=l2]")
GIVEN_LABELS = (
    "The paper's code passes predictions, in the labels' place, to label-quality scores; given the labels, these find "
    "the flips."
)
Interval = tuple[float, float, float]


def flagged_accuracy(run: Run, share_flagged: float) -> pd.DataFrame:
    """Share of rows classified rightly as wrong or right labels when a share is flagged, row × seed (the paper's)."""
    cells = {}
    for record in run.records():
        if record["status"] == "ok":
            truth, scores = run.truth(record["problem"]), run.scores(record)
            k = round(share_flagged * len(truth))
            right = found(scores, truth, k)
            cells[record["method"], record["problem"]] = 1 - (k + truth.sum() - 2 * right) / len(truth)
    return pd.Series(cells).unstack()


def best(table: pd.DataFrame, rows: Iterable[str]) -> str:
    """The row of the highest mean among some."""
    return str(table.loc[[row for row in rows if row in table.index]].mean(axis=1).idxmax())


def told(name: str, interval: Interval, form: Callable[[float], str]) -> str:
    """A figure with its name and interval."""
    middle, low, high = (form(value) for value in interval)
    return f"{name} {middle}" + ("" if np.isnan(interval[1]) else f" [{low}, {high}]")


def percent(value: float) -> str:
    """A share in percent."""
    return f"{100 * value:.1f} %"


def verdict(difference: Interval, stands: str, opposite: str, neither: str = "Cannot be told from chance here.") -> str:
    """Which sentence a difference with its interval speaks for."""
    if difference[1] > 0:
        return stands
    if difference[2] < 0:
        return opposite
    return neither


def _beside_the_best_other(table: pd.DataFrame) -> tuple[str, str, Interval]:
    """The best outlier-gradient row, the best other one, and their paired difference."""
    ours = best(table, OUTLIER)
    other = best(table, [row for row in table.index if not row.startswith("outlier-gradient")])
    return ours, other, mean_interval(table.loc[ours] - table.loc[other])


@claim(
    "paper-synthetic",
    "section 4, Table 1: half moons, detection accuracy",
    "isolation forest 96.0 %, L1 and L2 98.0 %; nine baselines 82.0 to 90.0 %; flagging no flip at all gives 82.0 %",
)
def outlier_gradients_find_flips_that_baselines_miss(run: Run) -> Finding:
    """Outlier gradients find flipped labels that label-quality scores and influence functions miss."""
    table = flagged_accuracy(run, 0.1)
    moons = table.loc[:, table.columns.str.startswith("half-moons")]
    ours, other, difference = _beside_the_best_other(moons)
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
    figures = [f"{row} {percent(moons['accuracy'].to_dict()[row])} ({_gain(moons, row)} over random)" for row in rows]
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


def _gain(table: pd.DataFrame, row: str) -> str:
    return points(*table.loc[row, ["gain", "low", "high"]])


def _accuracy(trimmed: pd.DataFrame, budget: str) -> pd.DataFrame:
    """Accuracy by removal and (problem, seed), the mean over trainings."""
    part = trimmed[trimmed["budget"] == budget]
    return part.groupby(["removal", "problem", "problem_seed"])["accuracy"].mean().unstack([1, 2])


@claim(
    "paper-synthetic",
    "its code: the baseline alone is trained without shuffling",
    "cross-entropy without shuffling, every trimmed model with it",
)
def the_untrimmed_baseline_is_trained_without_shuffling(run: Run) -> Finding:
    """Confound: part of the gain is the order of the rows, since only trimmed models are trained on shuffled ones."""
    table = _accuracy(run.trimmed(), "")
    difference = mean_interval(table.loc["none"] - table.loc["none, unshuffled"])
    return Finding(
        f"{told('shuffled', mean_interval(table.loc['none']), percent)}; "
        f"{told('unshuffled', mean_interval(table.loc['none, unshuffled']), percent)}; "
        f"shuffling alone {points(*difference)} points",
        verdict(
            difference,
            "Confirmed: shuffling alone lifts accuracy, with nothing trimmed.",
            "Not confirmed: shuffling lowers accuracy here.",
            "Cannot be told from chance on these small tables.",
        ),
    )


@claim(
    "paper-synthetic",
    "its code: the best of all epochs by test accuracy is reported",
    "the maximum over 100 epochs of the test accuracy",
)
def the_best_epoch_is_chosen_on_test_data(run: Run) -> Finding:
    """Confound: the epoch that is reported is chosen by its test accuracy."""
    trimmed = run.trimmed()
    gap = trimmed["accuracy_by_epoch"].map(lambda by_epoch: max(by_epoch) - by_epoch[-1])
    lift = mean_interval(gap.groupby([trimmed["problem"], trimmed["problem_seed"]]).mean())
    return Finding(
        f"best epoch over last epoch, on the same test rows: {points(*lift)} points",
        verdict(lift, "Confirmed: the choice alone lifts the figure.", "Not confirmed."),
    )


@claim(
    "paper-trees",
    "appendix C, Table 8: trees of the forest",
    "83.70, 84.38, 83.71, 83.72, 83.66, 83.97, 83.84, 83.42 for 25 to 200 trees (accuracy on CIFAR-10N worst)",
)
def the_number_of_trees_matters_little(run: Run) -> Finding:
    """The number of trees matters little."""
    frame = run.frame()
    forests = frame[frame["method"].str.startswith("outlier-gradient") & ~frame["method"].str.contains("detector")]
    table = forests.pivot(index="method", columns=["problem", "seed"], values="roc_auc")
    figures = [told(str(row), mean_interval(table.loc[row]), share) for row in table.index]
    spread = float(table.mean(axis=1).max() - table.mean(axis=1).min())
    seeds = float(table.std(axis=1, ddof=1).mean())
    stands = spread < seeds
    return Finding(
        f"ROC-AUC: {'; '.join(figures)}. Spread over trees {spread:.3f}, deviation over seeds {seeds:.3f}",
        "Stands: seeds differ more than numbers of trees do."
        if stands
        else "Does not stand for detection: numbers of trees differ more than seeds do.",
    )
