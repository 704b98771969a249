"""Rows of Outlier Gradient Analysis (Chhabra et al. 2025) as its code runs them, to be set beside the sound ones."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from sklearn.ensemble import IsolationForest
from torch import Tensor

from ..bench.problem.problem import Problem, Scores
from ..bench.registry.method import method
from .gradients.forms.gradient import Gradient
from .gradients.reduction import PerSample
from .gradients.selection import Layers
from .gradients.space import GradientSpace, gradient_space
from .influence.datainf import datainf


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
    space = gradient_space(problem, "last")
    weight = next(iter(space.parameters))
    if detector == "l2":
        return _of_the_weight(space, Gradient.squared_l2)
    if detector == "l1":
        return _of_the_weight(space, Gradient.l1)
    order, (start, end) = problem.sampling_order().numpy(), space.spans[weight]
    matrix = space.train.matrix()[:, start:end].double().numpy()
    scores = np.where(np.isfinite(matrix).all(1), 0, np.nan)
    if np.isfinite(scores).all():
        forest = IsolationForest(random_state=problem.seed).fit(matrix[order])
        scores[order] = -forest.score_samples(matrix[order])
    return scores


@method(family="control", paper="Self-DataInf of Chhabra et al. 2025, as its code runs it")
def datainf_self_paper(problem: Problem) -> Scores:
    """‖g‖² / (λ + ‖g‖²) with λ = ‖g‖² / 10d: DataInf of a sample on itself, its curvature being its own gradient's.

    What differs from `datainf-self`: the curvature is that of one sample, not of all n. Then λ is a share of ‖g‖², and
    every sample with a gradient scores 10d / (10d + 1), where d is the number of the last layer's weights.

    When: the paper's figures are to be set beside ours; else take `datainf-self`.

    Args:
        problem: the trained model and its training rows.

    Cost (gradients): one forward pass.
    """
    space = gradient_space(problem, "last")
    squared = _of_the_weight(space, Gradient.squared_l2)
    return np.where(squared > 0, 1 / (1 + _share_of_lambda(space)), 0)


@method(family="influence function", paper="Self-LiSSA of Chhabra et al. 2025, as its code runs it")
def lissa_self_paper(problem: Problem) -> Scores:
    """r·g with r ← g + r - (g gᵀ - λI) r, ten times: LiSSA of a sample on itself, its curvature being ggᵀ alone.

    As the code has it, nothing is scaled, and λ = ‖g‖² / 10d is taken away where it should be added. All of r lies
    along g, so that the score is a growing function of ‖g‖.

    When: the paper's figures are to be set beside ours; else take `influence-self`.

    Args:
        problem: the trained model and its training rows.

    Cost (gradients): one forward pass.
    """
    space = gradient_space(problem, "last")
    squared = _of_the_weight(space, Gradient.squared_l2)
    along = np.ones_like(squared)
    for _ in range(10):
        along = 1 + along - squared * (1 - _share_of_lambda(space)) * along
    return along * squared


@method(family="influence function", paper="DataInf of Chhabra et al. 2025, section 6, as its code runs it")
def datainf_paper(problem: Problem, damping: float = 0.1, layers: Layers = "last") -> Scores:
    """DataInf against the training rows, turned round: most suspect is what lies most along their mean gradient.

    What differs from `datainf`: v is the mean gradient of the training rows, of no trusted ones, and what is trimmed
    are the lowest values of -vᵀH⁻¹g, which DataInf itself holds for the most helpful. Where the wrong labels make up
    most of v, these are the rows that help each other to be learnt by heart.

    When: the paper's figures are to be set beside ours; else take `datainf`.

    Args:
        problem: the trained model and its training rows.
        damping: λ_l as a share of the mean square of the layer's gradient entries.
        layers: whose parameters the gradients are taken for.

    Cost (gradients): that of `datainf`.
    """
    return -datainf(problem, damping, layers, "training")


def _of_the_weight(space: GradientSpace, norm: Callable[[Gradient], Tensor]) -> Scores:
    """A norm (n,) of the last layer's weight's gradient, without the bias's."""
    weight = next(iter(space.parameters))
    parts = PerSample(lambda name, gradient: norm(gradient) if name == weight else torch.zeros(()))
    scores: Scores = space.train.reduce(parts)[0].sum(1).numpy()
    return scores


def _share_of_lambda(space: GradientSpace) -> float:
    """λ / ‖g‖², where λ is a tenth of the mean square of the weight's d gradient entries."""
    return 0.1 / next(iter(space.parameters.values())).numel()
