"""Outlier Gradient Analysis: samples that hurt are outliers among the per-sample gradients."""

from typing import Literal

import numpy as np
import torch
from sklearn.ensemble import IsolationForest

from ..bench.problem import Problem, Scores
from ..bench.registry import method
from .detectors import pyod_scores
from .gradient_norm import Checkpoints, over
from .gradients import Gradients, Layers, gradient_space
from .gradients.gradient import Gradient
from .gradients.reduction import PerSample
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


@method(family="outlier gradient", paper="Chhabra et al. 2025, arXiv 2405.03869, algorithm 1, as its code runs it")
def outlier_gradient_paper(problem: Problem, detector: Literal["iforest", "l1", "l2"] = "iforest") -> Scores:
    """Outlier gradients as the paper's code has them: the last layer's weight alone, and scikit-learn's forest.

    What differs from `outlier-gradient`: the last layer's bias is left out; the matrix (n, p) is formed, and refused
    where it does not fit the memory budget; the forest is scikit-learn's with its defaults, which takes numbers within
    1e-7 of each other for equal. As in the paper the L2 norm is squared. What differs from the paper's code: the forest
    has a seed, and inputs are not augmented anew when gradients are taken.

    When: the paper's figures are to be set beside ours; else take `outlier-gradient`.

    Args:
        problem: the trained model and its training rows, n of them.
        detector: `iforest`, `l1` or `l2`.

    Cost (gradients): one forward pass; then the forest's own, with a matrix of n × p numbers.
    """
    gradients = gradient_space(problem, "last").train
    weight = next(iter(gradients.space.parameters))
    if detector != "iforest":

        def norm(name: str, gradient: Gradient) -> torch.Tensor:
            if name != weight:
                return torch.zeros(())
            return gradient.l1() if detector == "l1" else gradient.squared_l2()

        norms: Scores = gradients.reduce(PerSample(norm))[0].sum(1).numpy()
        return norms
    order, (start, end) = problem.sampling_order().numpy(), gradients.space.spans[weight]
    matrix = gradients.matrix()[:, start:end].double().numpy()
    scores = np.where(np.isfinite(matrix).all(1), 0, np.nan)
    if np.isfinite(scores).all():
        forest = IsolationForest(random_state=problem.seed).fit(matrix[order])
        scores[order] = -forest.score_samples(matrix[order])
    return scores
