"""Outlier Gradient Analysis: samples that hurt are outliers among the per-sample gradients."""

from typing import Literal

from ..bench.problem import Problem, Scores
from ..bench.registry import method
from .gradients import Layers, gradient_space
from .isolation_forest import isolation_forest


@method(family="outlier gradient", paper="Chhabra et al. 2025, arXiv 2405.03869, algorithm 1")
def outlier_gradient(
    problem: Problem, detector: Literal["iforest", "l1", "l2"] = "iforest", layers: Layers = "last", trees: int = 100
) -> Scores:
    """How far each sample's gradient lies out, by an isolation forest or by its L1 or squared L2 norm.

    Args:
        problem: the trained model and its training rows, n of them.
        detector: `iforest` (Liu et al. 2008, each tree on 256 rows), `l1` or `l2`.
        layers: whose p parameters the gradients are taken for.
        trees: of the forest.

    Cost: one forward pass for the last layer, else one epoch (two where the forest's columns do not fit the memory
    budget); then the forest's own.
    """
    gradients = gradient_space(problem, layers).train
    if detector == "l1":
        return gradients.l1().numpy()
    if detector == "l2":
        return gradients.squared_l2().numpy()
    return isolation_forest(gradients, problem.sampling_order(), trees, problem.seed)
