"""Outlier Gradient Analysis: samples that hurt are outliers among the per-sample gradients."""

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..checkpoints import Checkpoints, over
from ..gradients.selection import Layers
from ..gradients.space import gradient_space
from ..gradients.stream import Gradients
from ..ranking import mean_rank
from .detectors import pyod_scores
from .isolation_forest import isolation_forest


@method(
    family="outlier gradient",
    paper="Chhabra et al. 2025, arXiv 2405.03869, algorithm 1",
    uses={"checkpoints"},
    unless={"checkpoints": {"checkpoints": "last"}, "pyod": {"detector": ("iforest", "l1", "l2")}},
    package="pyod",
)
def outlier_gradient(
    problem: Problem,
    detector: str = "iforest",
    layers: Layers = "last",
    trees: int = 100,
    checkpoints: Checkpoints = "last",
) -> Scores:
    """How far each sample's gradient lies out, by an isolation forest, its L1 or squared L2 norm, or a PyOD detector.

    When: what is outlying at all is asked for, wrong label or not. Of its variants take `detector=l2` on the last
    layer: the cheapest, and above the forest at wrong labels in four tables and on images; `layers=all` gains nothing
    there. `checkpoints=all` helps where the model has fitted its labels in the end (breast-cancer: 0.90 to 0.93), and
    harms where early checkpoints know little (CIFAR-10N: 0.74 to 0.71). `el2n` costs less and finds no fewer wrong
    labels.

    Args:
        problem: the trained model and its training rows, n of them.
        detector: `iforest` (Liu et al. 2008, each tree on 256 rows), `l1`, `l2`, or one of PyOD's by the name of its
            module, as `ecod`, `copod`, `hbos`, `knn`, `lof`, `ocsvm`, `pca` (`pip install influence-bench[outliers]`).
        layers: whose p parameters the gradients are taken for.
        trees: of the forest.
        checkpoints: the model as it stands, or all, whose ranks are averaged: the paper's is the first.

    Cost (gradients): for each checkpoint one forward pass for the last layer, else one epoch (two where the forest's
    columns do not fit the memory budget); then the detector's own. PyOD's get the matrix (n, p), which must fit the
    memory budget, but for `ecod`, `copod` and `hbos`: these get blocks of columns, an epoch for each quarter of the
    budget.
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
