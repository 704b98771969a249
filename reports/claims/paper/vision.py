"""Section 5: human label noise in CIFAR-10N."""

from ....bench.results.run import Run
from ...statistics.estimates import mean_interval
from ..claim import Finding, claim
from .figures import auc_list, labelled, percent, signed, trimming_finding, verdict
from .rows import OUTLIER, against_best_other, aucs, by_mean, row, rows, wrong_among_removed

SUITES = ("paper-vision", "paper-vision-full")


@claim(
    SUITES,
    "section 5, Table 2: accuracy after trimming 5 %",
    "cross-entropy 90.87, 89.17, 82.27 (aggregate, random, worst); best baseline 92.07, 90.09, 83.65; "
    "L1 91.86, 90.66, 84.20; L2 92.21, 90.25, 82.99; isolation forest 91.36, 90.20, 83.72; no random removal",
)
def trimming_by_outlier_gradients_gives_the_best_accuracy(run: Run) -> Finding:
    """Trimming outlier gradients gives more accuracy than trimming by any baseline."""
    return trimming_finding(run, "5%", "points over random removal, three kinds of noise together")


@claim(
    SUITES,
    "section 5: no detection metric is reported on CIFAR-10N, though the true labels are known",
    "none",
)
def outlier_gradients_find_human_label_noise(run: Run) -> Finding:
    """Detrimental samples can be found as outliers in the gradient space (Hypothesis 3.2)."""
    table = aucs(run)
    ours, other, difference = against_best_other(run, table)
    names = [*OUTLIER, other, "loss", "self-confidence", "grad-dot", "datainf", "lissa", "trak", "random"]
    over_chance = mean_interval(table.loc[ours] - row(table, "random"))
    start = (
        "Stands in part: outlier gradients find wrong labels well above chance, but"
        if over_chance[1] > 0
        else "In doubt:"
    )
    return Finding(
        f"ROC-AUC, three kinds of noise together: {auc_list(table, dict.fromkeys(names))}. {ours} over {other} "
        f"{signed(difference)}",
        verdict(
            difference,
            f"Stands: {ours} finds more than every other row.",
            f"{start} {other} finds more.",
            f"{start} {other} finds as many.",
        ),
    )


@claim(SUITES, "its code: gradients are taken once, of the last epoch's model", "not varied")
def gradients_of_the_last_checkpoint_are_enough(run: Run) -> Finding:
    """The gradients of the final model are those to look at."""
    names = (
        "outlier-gradient",
        "outlier-gradient[checkpoints=all]",
        "el2n",
        "el2n[checkpoints=all]",
        "cartography",
        "aum",
    )
    table = rows(aucs(run), names)
    difference = mean_interval(table.loc[names[1]] - table.loc[names[0]])
    return Finding(
        f"ROC-AUC: {auc_list(table, names)}",
        verdict(
            difference,
            f"Does not stand: over all checkpoints the same forest has a ROC-AUC {difference[0]:.3f} higher.",
            "Stands: earlier checkpoints do worse.",
        ),
    )


@claim(
    SUITES,
    "section 5: trimming budget of 5 %, far below the share of wrong labels",
    "9.03, 17.23 and 40.21 % of the labels are wrong",
)
def what_is_trimmed_is_wrong(run: Run) -> Finding:
    """What is trimmed is what harms: the 5 % most suspect rows are wrong labels."""
    table = wrong_among_removed(run.trimmed(), "5%")
    ours, other, difference = against_best_other(run, table)
    figures = [labelled(name, mean_interval(table.loc[name]), percent) for name in by_mean(table)]
    return Finding(
        f"wrong among the removed: {'; '.join(figures)}",
        verdict(
            difference,
            f"Stands: {ours} removes the most wrong labels.",
            f"In part: {ours} removes wrong labels, {other} more of them.",
            f"In part: {ours} removes wrong labels, {other} as many.",
        ),
    )
