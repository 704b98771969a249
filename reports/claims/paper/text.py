"""Section 6: flipped labels in the texts on which a transformer is fine-tuned with adapters (LoRA)."""

from ....bench.results.run import Run
from ...statistics.estimates import mean_interval
from ...style import share
from ...trimming.sentences import points
from ..claim import Finding, claim, confound
from .figures import auc_list, signed, trimming_finding, verdict
from .rows import OUTLIER, accuracy, against_best_other, aucs, best, by_mean, row

BUDGET = "30%"
INFLUENCE = (
    "grad-dot", "grad-dot[layers=lora]", "lissa", "ekfac[layers=lora]",
    "datainf", "datainf[layers=lora]", "datainf-paper", "datainf-paper[layers=lora]",
)  # fmt: skip


@claim(
    "paper-text",
    "section 6, Figure 3: accuracy at each of ten epochs after trimming 30 %, RoBERTa-large with LoRA",
    "curves without a table: the isolation forest is best on QNLI, SST-2 and QQP, and level with Self-LiSSA on MRPC; "
    "4,500 rows, 3 runs, no random removal",
)
def trimming_by_the_forest_gives_the_best_accuracy_on_texts(run: Run) -> Finding:
    """Trimming by an isolation forest on gradients gives more accuracy in fine-tuning than trimming by influence."""
    return trimming_finding(run, BUDGET, "points over random removal at the last epoch")


@claim("paper-text", "section 6: no detection metric is reported, though the flips are known", "none")
def outlier_gradients_find_flips_in_texts(run: Run) -> Finding:
    """Outlier gradients find the flipped labels of texts."""
    table = aucs(run)
    ours, other, difference = against_best_other(run, table)
    influence = best(table, INFLUENCE)
    over_influence = mean_interval(table.loc[ours] - table.loc[influence])
    over_chance = mean_interval(row(table, OUTLIER[0]) - 0.5)
    start = "Stands in part: outlier gradients find flips, but" if over_chance[1] > 0 else "In doubt: of the flips"
    return Finding(
        f"ROC-AUC: {auc_list(table, by_mean(table))}. {ours} over {other} {signed(difference)}, over {influence}, the "
        f"best of influence and tracing, {signed(over_influence)}. With two classes, loss, margin, EL2N and "
        "self-confidence rank alike",
        verdict(
            difference,
            f"Stands: {ours} finds more than every other row.",
            f"{start} {other} finds more.",
            f"{start} {other} finds as many.",
        ),
    )


@confound(
    "paper-text",
    "its code: outlier gradients are of the classifier alone, influences of the adapters and the classifier",
    "2,048 numbers a row against about 200,000",
)
def methods_see_other_layers(run: Run) -> Finding:
    """The methods that are compared see the gradients of different layers."""
    table, figures = aucs(run), []
    for name, layers in (("the classifier", ""), ("the adapters", "[layers=lora]")):
        names = [f"{method}{layers}" for method in ("outlier-gradient", "grad-dot", "datainf")]
        figures += [f"of {name}: {auc_list(table, names, ', ')}"]
    forest, classifier, adapters = (
        row(table, name) for name in ("outlier-gradient", "datainf", "datainf[layers=lora]")
    )
    layer = mean_interval(classifier - adapters)
    return Finding(
        f"ROC-AUC {'; '.join(figures)}. The forest over DataInf: {signed(mean_interval(forest - adapters))} as "
        f"compared in the paper, {signed(mean_interval(forest - classifier))} where both see the classifier",
        verdict(
            layer,
            f"Confirmed: the adapters cost DataInf {layer[0]:.3f} of ROC-AUC, which the comparison blames on the "
            "method.",
            f"Not confirmed: DataInf finds {-layer[0]:.3f} more of ROC-AUC in the adapters.",
            "Not confirmed: DataInf does equally well on both kinds of layers here.",
        ),
    )


@confound(
    "paper-text",
    "its code: the mean training gradient for the validation gradient, and the lowest values of -vᵀH⁻¹g are trimmed",
    "the same for Gradient Tracing, LiSSA and DataInf; DataInf's own code calls the highest values wrong labels",
)
def influence_on_the_training_rows_has_no_settled_sign(run: Run) -> Finding:
    """Influence is measured on the training rows, and the rows that help these most are trimmed."""
    table, trimmed = aucs(run), accuracy(run.trimmed(), BUDGET)
    figures, differences, by_seed = [], [], []
    for layers in ("", "[layers=lora]"):
        clean, theirs = row(table, f"datainf{layers}"), row(table, f"datainf-paper{layers}")
        figures += [
            f"{auc_list(table, [f'datainf{layers}'])} on clean validation rows, as the paper's code has it "
            f"{', '.join(map(share, theirs))} (seed by seed; the other sign gives 1 minus these)"
        ]
        differences += [clean - theirs]
        by_seed += [*theirs]
    difference = mean_interval((differences[0] + differences[1]) / 2)
    gain = mean_interval(row(trimmed, "datainf[layers=lora]") - row(trimmed, "datainf-paper[layers=lora]"))
    more = f"on clean validation rows DataInf finds {difference[0]:.3f} more of ROC-AUC"
    return Finding(
        f"ROC-AUC: {'; '.join(figures)}. Accuracy after trimming by the first over the second, of the adapters: "
        f"{points(*gain)} points",
        f"Confirmed: which sign finds the flips differs from seed to seed; {more}."
        if min(by_seed) < 0.5 < max(by_seed)
        else verdict(difference, f"Confirmed: {more}.", "Not confirmed: the paper's protocol finds more."),
    )
