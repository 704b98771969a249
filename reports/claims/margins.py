"""Contrasts of detection and of accuracy, whose margins come from the paper's figures."""

from .contrast import AUC, Contrast

LEAD = 0.002
OF_THE_LEAD = (
    "half of the 0.43 points by which the best outlier gradient leads the best baseline, on average over Table 2: less "
    "does not change which of them leads"
)
DETECTED = 0.02
OF_DETECTION = (
    "if all 1.93 points that trimming gains on CIFAR-10N worst (Table 2) came from ranking, which is worth 0.5 of "
    "ROC-AUC at most, 0.02 would be worth 0.08 points, about the smallest standard deviation of that table"
)


def of_accuracy(first: str, second: str, figure: str, paired_by: str) -> Contrast:
    """A contrast of test accuracies; a `figure` says when they are taken."""
    return Contrast(first, second, figure, paired_by, margin=LEAD, because=OF_THE_LEAD)


def of_detection(
    first: str, second: str, paired_by: str = "problem and seed", *, least: float = 0.0, alike: bool = False
) -> Contrast:
    """A contrast of ROC-AUCs in finding wrong labels."""
    return Contrast(first, second, "ROC-AUC", paired_by, DETECTED, OF_DETECTION, least=least, alike=alike, unit=AUC)
