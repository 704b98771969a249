"""Methods of Outlier Gradient Analysis (Chhabra et al. 2025) as its code runs them, for comparison."""

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
    """Outlier gradients as the paper's code computes them: of the last layer's weight alone, by scikit-learn's forest.

    It differs from `outlier-gradient` in three ways. It leaves out the last layer's bias. It forms the matrix (n, p),
    and refuses a matrix above the memory budget. Its forest is scikit-learn's with default settings, which treats
    numbers within 1e-7 of each other as equal. As in the paper the L2 norm is squared. It differs from the paper's code
    in two ways: the forest has a seed, and inputs are not augmented again when gradients are computed.

    When: you want to compare the paper's figures with ours; otherwise take `outlier-gradient`.

    Args:
        problem: the trained model and its n training rows.
        detector: `iforest`, `l1` or `l2`.

    Cost (gradients): one forward pass, and the forest's own cost on a matrix of n × p numbers.
    """
    space = gradient_space(problem, "last")
    weight = next(iter(space.parameters))
    if detector == "l2":
        return _of_the_weight(space, Gradient.squared_l2)
    if detector == "l1":
        return _of_the_weight(space, Gradient.l1)
    order, (start, end) = problem.sampling_order().numpy(), space.spans[weight]
    copies = 2 * 8 * len(problem.train) * space.size  # in another order, twice
    matrix = space.train.matrix(torch.float64, copies)[:, start:end].numpy()
    scores = np.where(np.isfinite(matrix).all(1), 0, np.nan)
    if np.isfinite(scores).all():
        forest = IsolationForest(random_state=problem.seed).fit(matrix[order])
        scores[order] = -forest.score_samples(matrix[order])
    return scores


@method(family="control", paper="Self-DataInf of Chhabra et al. 2025, as its code runs it")
def datainf_self_paper(problem: Problem) -> Scores:
    """‖g‖² / (λ + ‖g‖²) with λ = ‖g‖² / 10d: DataInf of a sample on itself, with the curvature of that sample alone.

    It differs from `datainf-self`, whose curvature is that of all n samples. Here λ is a share of ‖g‖², so every sample
    with a gradient scores 10d / (10d + 1), where d is the number of the last layer's weights.

    When: you want to compare the paper's figures with ours; otherwise take `datainf-self`.

    Args:
        problem: the trained model and its training rows.

    Cost (gradients): one forward pass.
    """
    space = gradient_space(problem, "last")
    squared = _of_the_weight(space, Gradient.squared_l2)
    return np.where(squared > 0, 1 / (1 + _share_of_lambda(space)), 0)


@method(family="influence function", paper="Self-LiSSA of Chhabra et al. 2025, as its code runs it")
def lissa_self_paper(problem: Problem) -> Scores:
    """r·g with r ← g + r - (g gᵀ - λI) r, ten times: LiSSA of a sample on itself, with its own curvature ggᵀ.

    As in the paper's code, nothing is scaled, and λ = ‖g‖² / 10d is subtracted where it should be added. Since r is
    parallel to g, the score is an increasing function of ‖g‖.

    When: you want to compare the paper's figures with ours; otherwise take `influence-self`.

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
    """DataInf on the training rows with its sign reversed: samples along their mean gradient are most suspect.

    It differs from `datainf` in two ways: v is the mean gradient of the training rows, not of trusted rows; and the
    paper trims the lowest values of -vᵀH⁻¹g, which DataInf itself takes for the most helpful samples. If v is mostly
    due to wrong labels, these are the rows that help each other to be memorised.

    When: you want to compare the paper's figures with ours; otherwise take `datainf`.

    Args:
        problem: the trained model and its training rows.
        damping: λ_l as a share of the mean square of the layer's gradient entries.
        layers: the layers whose gradients are used.

    Cost (gradients): that of `datainf`.
    """
    return -datainf(problem, damping, layers, "training")


def _of_the_weight(space: GradientSpace, norm: Callable[[Gradient], Tensor]) -> Scores:
    """A norm (n,) of the gradient of the last layer's weight, without its bias."""
    weight = next(iter(space.parameters))
    parts = PerSample(lambda name, gradient: norm(gradient) if name == weight else torch.zeros(()))
    scores: Scores = space.train.reduce(parts)[0].sum(1).numpy()
    return scores


def _share_of_lambda(space: GradientSpace) -> float:
    """λ / ‖g‖², where λ is a tenth of the mean square of the d entries of the weight's gradient."""
    return 0.1 / next(iter(space.parameters.values())).numel()
