"""Outlier Gradient Analysis: samples that hurt are outliers among the per-sample gradients."""

from ..bench.problem import Problem, Scores
from ..bench.registry import method
from .detectors import pyod_scores
from .gradient_norm import Checkpoints, over
from .gradients import Gradients, Layers, gradient_space
from .isolation_forest import isolation_forest
from .ranking import mean_rank


@method(family="outlier gradient", paper="Chhabra et al. 2025, arXiv 2405.03869, algorithm 1", uses={"checkpoints"})
def outlier_gradient(
    problem: Problem,
    detector: str = "iforest",
    layers: Layers = "last",
    trees: int = 100,
    checkpoints: Checkpoints = "last",
) -> Scores:
    """How far each sample's gradient lies out, by an isolation forest, its L1 or squared L2 norm, or a PyOD detector.

    Args:
        problem: the trained model and its training rows, n of them.
        detector: `iforest` (Liu et al. 2008, each tree on 256 rows), `l1`, `l2`, or one of PyOD's by the name of its
            module, as `ecod`, `copod`, `hbos`, `knn`, `lof`, `ocsvm`, `pca` (`pip install influence-bench[outliers]`).
        layers: whose p parameters the gradients are taken for.
        trees: of the forest.
        checkpoints: the model as it stands, or all, whose ranks are averaged: the paper's is the first.

    Cost: for each checkpoint one forward pass for the last layer, else one epoch (two where the forest's columns do not
    fit the memory budget); then the detector's own. PyOD's get the matrix (n, p), which must fit the memory budget, but
    for `ecod`, `copod` and `hbos`: these get blocks of columns, an epoch for each quarter of the budget.
    """
    scores = [
        _outlyingness(
            gradient_space(problem, layers, checkpoint).train, problem, detector, trees, problem.seed + number
        )
        for number, checkpoint in enumerate(over(problem, checkpoints))
    ]
    return scores[0] if checkpoints == "last" else mean_rank(scores)


def _outlyingness(gradients: Gradients, problem: Problem, detector: str, trees: int, seed: int) -> Scores:
    if detector == "l1":
        return gradients.l1().numpy()
    if detector == "l2":
        return gradients.squared_l2().numpy()
    if detector == "iforest":
        return isolation_forest(gradients, problem.sampling_order(), trees, seed)
    return pyod_scores(detector, gradients, problem.sampling_order(), seed)
