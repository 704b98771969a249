"""Differences of no account, each with the paper's figures that it comes from."""

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
