"""Outlier Gradient Analysis: samples that hurt are outliers among the per-sample gradients."""

from typing import Literal

from sklearn.ensemble import IsolationForest
from torch import Tensor

from ..bench.problem import Problem, Scores
from ..bench.registry import method
from .gradients import Gradients, Layers, gradient_space


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

    Cost: one forward pass for the last layer, else one epoch; the forest holds the (n, p) gradients.
    """
    gradients = gradient_space(problem, layers).train
    if detector == "l1":
        return gradients.l1().numpy()
    if detector == "l2":
        return gradients.squared_l2().numpy()
    return isolation_forest(gradients, problem.sampling_order(), trees, problem.seed)


def isolation_forest(gradients: Gradients, order: Tensor, trees: int, seed: int) -> Scores:
    """Anomaly scores 2^(-E[path length] / c) of an isolation forest fitted on the rows in `order`."""
    matrix = gradients.matrix().float().numpy()
    forest = IsolationForest(n_estimators=trees, random_state=seed).fit(matrix[order.numpy()])
    scores: Scores = -forest.score_samples(matrix)
    return scores
