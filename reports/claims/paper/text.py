"""Section 6: flipped labels in the texts on which a transformer is fine-tuned with adapters (LoRA)."""

from ....bench.results.run import Run
from ...style import share
from ..claim import Evidence, claim, confound
from ..margins import of_accuracy, of_detection
from .figures import auc_list, auc_text
from .rows import FOREST, OUTLIER, aucs, by_mean, row, rows
from .trimmed import lifted

BUDGET = "30%"
DATAINF = "datainf[layers=lora]"
CLASSIFIER, ADAPTERS = ("grad-dot", "datainf"), ("grad-dot[layers=lora]", DATAINF)
PAPERS = ("datainf-paper", "datainf-paper[layers=lora]")
FIGURE_3 = (
    "curves without a table: the isolation forest is best on QNLI, SST-2 and QQP, and level with Self-LiSSA on MRPC; "
    "4,500 rows, 3 runs"
)
TRIMMED = "models trimmed by the isolation forest on the classifier's gradients"
INFLUENCE = "Gradient Tracing and DataInf in the adapters, on clean validation rows, their mean"
ACCURACY = "test accuracy of the last epoch after trimming 30 %"


@claim(
    "paper-text",
    "section 6, Figure 3: accuracy at each of ten epochs after trimming 30 %, RoBERTa-large with LoRA",
    FIGURE_3,
    of_accuracy(TRIMMED, "models trimmed by DataInf in the adapters, on clean validation rows", ACCURACY, "seed"),
)
def trimming_by_the_forest_gives_the_best_accuracy_on_texts(run: Run) -> Evidence:
    """Trimming by an isolation forest on gradients gives more accuracy in fine-tuning than trimming by influence."""
    return lifted(run, BUDGET, [FOREST], [DATAINF])


@claim(
    "paper-text",
    "section 6, Figure 3: accuracy at each of ten epochs after trimming 30 %, RoBERTa-large with LoRA",
    f"{FIGURE_3}; no random removal",
    of_accuracy(TRIMMED, "models without as many random rows", ACCURACY, "seed"),
)
def the_choice_of_the_rows_lifts_accuracy(run: Run) -> Evidence:
    """It is the choice of the trimmed rows that lifts accuracy: removing as many at random does not lift it as far."""
    return lifted(run, BUDGET, [FOREST], ["random"])


@claim(
    "paper-text",
    "section 6: no detection metric is reported, though the flips are known",
    "none",
    of_detection("outlier gradients of the classifier, the mean of the paper's three detectors", "0.5, chance", "seed"),
)
def outlier_gradients_find_flips_in_texts(run: Run) -> Evidence:
    """Outlier gradients find the flipped labels of texts."""
    table = aucs(run)
    return Evidence(
        rows(table, OUTLIER).mean() - 0.5,
        f"ROC-AUC: {auc_list(table, by_mean(table))}. With two classes, loss, margin, EL2N and self-confidence rank "
        "alike",
    )


@claim(
    "paper-text",
    "section 6: no detection metric is reported, though the flips are known",
    "none",
    of_detection("the isolation forest on the classifier's gradients", INFLUENCE, "seed"),
)
def outlier_gradients_find_more_flips_than_influence(run: Run) -> Evidence:
    """Outlier gradients find more of the flipped labels of texts than influence does."""
    table = aucs(run)
    return Evidence(
        row(table, FOREST) - rows(table, ADAPTERS).mean(), f"ROC-AUC: {auc_list(table, (FOREST, *ADAPTERS))}"
    )


@confound(
    "paper-text",
    "its code: outlier gradients are of the classifier alone, influences of the adapters and the classifier",
    "2,048 numbers a row against about 200,000",
    of_detection(
        "Gradient Tracing and DataInf in the classifier, on clean validation rows, their mean",
        "the same in the adapters",
        "seed",
    ),
)
def methods_see_other_layers(run: Run) -> Evidence:
    """Influence finds fewer flips for seeing the adapters, while outlier gradients see the classifier."""
    table = aucs(run)
    classifier = auc_list(table, (FOREST, *CLASSIFIER), ", ")
    adapters = auc_list(table, (f"{FOREST}[layers=lora]", *ADAPTERS), ", ")
    return Evidence(
        rows(table, CLASSIFIER).mean() - rows(table, ADAPTERS).mean(),
        f"ROC-AUC of the classifier: {classifier}; of the adapters: {adapters}",
    )


@confound(
    "paper-text",
    "its code: the mean training gradient for the validation gradient, and the lowest values of -vᵀH⁻¹g are trimmed",
    "the same for Gradient Tracing, LiSSA and DataInf; DataInf's own code calls the highest values wrong labels",
    of_detection(
        "DataInf on clean validation rows, the mean over classifier and adapters",
        "DataInf as the paper's code has it, the same mean",
        "seed",
    ),
)
def influence_on_the_training_rows_has_no_settled_sign(run: Run) -> Evidence:
    """Influence finds fewer flips for being measured on the training rows, of which the most helpful are trimmed."""
    table = aucs(run)
    clean = ("datainf", DATAINF)
    figures = [
        f"{first} {auc_text(table, first)} on clean validation rows, as the paper's code has it "
        f"{', '.join(map(share, row(table, second)))} (seed by seed; the other sign gives 1 minus these)"
        for first, second in zip(clean, PAPERS, strict=True)
    ]
    return Evidence(rows(table, clean).mean() - rows(table, PAPERS).mean(), f"ROC-AUC: {'; '.join(figures)}")
