"""Outlier Gradient Analysis: harmful samples are outliers among the per-sample gradients."""

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
    """How outlying each sample's gradient is, by an isolation forest, its L1 or squared L2 norm, or a PyOD detector.

    When: you look for unusual rows of any kind, not only wrong labels. Of its variants take `detector=l2` on the last
    layer, which is the cheapest. At wrong labels it is better than the forest on four tables and on images, and
    `layers=all` gains nothing there. `checkpoints=all` helps if the model has fitted its labels in the end
    (breast-cancer: ROC-AUC 0.90 to 0.93), and harms if early checkpoints know little (CIFAR-10N: 0.74 to 0.71). `el2n`
    costs less and finds no fewer wrong labels.

    Args:
        problem: the trained model and its n training rows.
        detector: `iforest` (Liu et al. 2008, with 256 rows per tree), `l1`, `l2`, or the module name of a PyOD detector
            such as `ecod`, `copod`, `hbos`, `knn`, `lof`, `ocsvm` or `pca` (`pip install influence-bench[outliers]`).
        layers: the layers whose gradients are used, with p parameters.
        trees: number of trees of the forest.
        checkpoints: `last`, the model as it stands, as in the paper; or `all`, the mean of the ranks at all of them.

    Cost (gradients): for each checkpoint one forward pass for the last layer, else one epoch (two if the forest's
    columns do not fit the memory budget); and the detector's own cost. PyOD's detectors get the matrix (n, p), which
    must fit the memory budget. Only `ecod`, `copod` and `hbos` get blocks of columns, with an epoch for each block of a
    quarter of the budget.

    Raises:
        InputError: if PyOD is not installed or has no such detector, or the detector fails.
    """
    scores = [
        _outlier_scores(
            gradient_space(problem, layers, checkpoint).train, problem, detector, trees, problem.seed + number
        )
        for number, checkpoint in enumerate(over(problem, checkpoints))
    ]
    return scores[0] if checkpoints == "last" else mean_rank(scores)


def _outlier_scores(gradients: Gradients, problem: Problem, detector: str, trees: int, seed: int) -> Scores:
    """Outlier scores (n,) of the gradients at one checkpoint."""
    if detector == "l1":
        return gradients.l1().numpy()
    if detector == "l2":
        return gradients.squared_l2().numpy()
    if detector == "iforest":
        return isolation_forest(gradients, problem.sampling_order(), trees, seed)
    return pyod_scores(detector, gradients, problem.sampling_order(), seed)
