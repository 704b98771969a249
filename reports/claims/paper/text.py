"""Section 6: flipped labels in the texts that a transformer is tuned on by adapters (LoRA)."""

from ....bench.results.run import Run
from ...statistics import mean_interval
from ...style import share
from ...trimming.sentences import points
from ..claim import Finding, claim
from .figures import OUTLIER, accuracy, aucs, aucs_told, beside_the_best_other, best, moved, trimming, verdict

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
    figures, said = trimming(run, BUDGET)
    return Finding(f"points over random removal at the last epoch: {figures}", said)


@claim("paper-text", "section 6: no detection metric is reported, though the flips are known", "none")
def outlier_gradients_find_flips_in_texts(run: Run) -> Finding:
    """Outlier gradients find the flipped labels of texts."""
    table = aucs(run)
    ours, other, difference = beside_the_best_other(table)
    rows = [str(row) for row in table.mean(axis=1).sort_values(ascending=False).index]
    influence = best(table, INFLUENCE)
    beside = mean_interval(table.loc[ours] - table.loc[influence])
    chance = mean_interval(table.loc[OUTLIER[0]] - 0.5)
    found = "Stands in part: outlier gradients find flips, but" if chance[1] > 0 else "In doubt: of the flips"
    return Finding(
        f"ROC-AUC: {aucs_told(table, rows)}. {ours} over {other} {moved(difference)}, over {influence}, the best of "
        f"influence and tracing, {moved(beside)}. Of two classes loss, margin, EL2N and self-confidence rank alike",
        verdict(
            difference,
            f"Stands: {ours} finds more than every other row.",
            f"{found} {other} finds more.",
            f"{found} {other} finds as many.",
        ),
    )


@claim(
    "paper-text",
    "its code: outlier gradients are of the classifier alone, influences of the adapters and the classifier",
    "2,048 numbers a row against about 200,000",
)
def methods_see_other_layers(run: Run) -> Finding:
    """Confound: the methods that are compared see the gradients of other layers."""
    table, figures = aucs(run), []
    for name, layers in (("the classifier", ""), ("the adapters", "[layers=lora]")):
        rows = [f"{row}{layers}" for row in ("outlier-gradient", "grad-dot", "datainf")]
        figures += [f"of {name}: {aucs_told(table, rows, ', ')}"]
    layer = mean_interval(table.loc["datainf"] - table.loc["datainf[layers=lora]"])
    mixed = mean_interval(table.loc["outlier-gradient"] - table.loc["datainf[layers=lora]"])
    same = mean_interval(table.loc["outlier-gradient"] - table.loc["datainf"])
    return Finding(
        f"ROC-AUC {'; '.join(figures)}. The forest over DataInf: {moved(mixed)} as compared in the paper, "
        f"{moved(same)} where both see the classifier",
        verdict(
            layer,
            f"Confirmed: the adapters cost DataInf {layer[0]:.3f} of ROC-AUC, which the comparison lays to the method.",
            f"Not confirmed: DataInf finds {-layer[0]:.3f} more of ROC-AUC in the adapters.",
            "Not confirmed: for DataInf the layers cannot be told apart here.",
        ),
    )


@claim(
    "paper-text",
    "its code: the mean training gradient for the validation gradient, and the lowest values of -vᵀH⁻¹g are trimmed",
    "the same for Gradient Tracing, LiSSA and DataInf; DataInf's own code calls the highest values wrong labels",
)
def influence_on_the_training_rows_has_no_settled_sign(run: Run) -> Finding:
    """Confound: influence is measured on the training rows, and the rows that help these most are trimmed."""
    table, trimmed = aucs(run), accuracy(run.trimmed(), BUDGET)
    figures, differences, by_seed = [], [], []
    for layers in ("", "[layers=lora]"):
        clean, theirs = table.loc[f"datainf{layers}"], table.loc[f"datainf-paper{layers}"]
        figures += [
            f"{aucs_told(table, [f'datainf{layers}'])} on clean validation rows, as the paper's code has it "
            f"{', '.join(map(share, theirs))} (seed by seed; the other sign gives 1 minus these)"
        ]
        differences += [clean - theirs]
        by_seed += [*theirs]
    difference = mean_interval((differences[0] + differences[1]) / 2)
    gain = mean_interval(trimmed.loc["datainf[layers=lora]"] - trimmed.loc["datainf-paper[layers=lora]"])
    more = f"on clean validation rows DataInf finds {difference[0]:.3f} more of ROC-AUC"
    return Finding(
        f"ROC-AUC: {'; '.join(figures)}. Accuracy after trimming by the first over the second, of the adapters: "
        f"{points(*gain)} points",
        f"Confirmed: which sign finds the flips differs from seed to seed; {more}."
        if min(by_seed) < 0.5 < max(by_seed)
        else verdict(difference, f"Confirmed: {more}.", "Not confirmed: the paper's protocol finds more."),
    )
