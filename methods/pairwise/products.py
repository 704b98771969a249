"""Inner products and cosines of the gradients of training and validation rows."""

import torch
from torch import Tensor

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.selection import Layers
from ..gradients.space import GradientSpace, gradient_space
from .pooling import Pooled, pooled_scores


@method(
    family="influential data",
    paper="Charpiat et al. 2019, section 2",
    uses={"validation", "groups"},
    pairwise=True,
    unless={"groups": {"pooled": "none"}},
)
def pairwise_dot(problem: Problem, layers: Layers = "last", pooled: Pooled = "none") -> Scores:
    """The inner product of the two rows' gradients (Grad-Dot).

    When: you ask which training rows a prediction comes from, and gradients have similar sizes.

    Args:
        problem: with validation rows.
        layers: the layers whose gradients are used.
        pooled: `none`, or `groups` for the mean over the training rows of each kind.

    Cost (gradients): one forward pass for the last layer, else one epoch if the gradients (n, p) are within half the
    memory budget, or one epoch for each batch of validation rows.
    """
    return pooled_scores(_products(gradient_space(problem, layers)), problem, pooled)


@method(
    family="influential data",
    paper="Charpiat et al. 2019, section 3",
    uses={"validation", "groups"},
    pairwise=True,
    unless={"groups": {"pooled": "none"}},
)
def pairwise_cosine(problem: Problem, layers: Layers = "last", pooled: Pooled = "none") -> Scores:
    """The cosine of the two rows' gradients (Grad-Cos).

    When: you ask which training rows a prediction comes from, and a few rows with large gradients should not be the
    answer to every question.

    Args:
        problem: with validation rows.
        layers: the layers whose gradients are used.
        pooled: `none`, or `groups` for the mean over the training rows of each kind.

    Cost (gradients): that of `pairwise-dot`, and one epoch.
    """
    space = gradient_space(problem, layers)
    lengths = space.train.squared_l2().sqrt()[:, None] * space.valid.squared_l2().sqrt()
    return pooled_scores(_products(space) / lengths.clamp(min=torch.finfo(torch.float64).tiny), problem, pooled)


@method(
    family="influential data",
    paper="Pruthi et al. 2020, section 3 (TracInCP)",
    uses={"validation", "checkpoints", "groups"},
    pairwise=True,
    unless={"groups": {"pooled": "none"}},
)
def pairwise_tracin(problem: Problem, layers: Layers = "last", pooled: Pooled = "none") -> Scores:
    """Sum over checkpoints of learning rate times the inner product of the two rows' gradients.

    When: you ask which training rows a prediction comes from, and checkpoints of the training are kept.

    Args:
        problem: with validation rows; a checkpoint's weight is its learning rate.
        layers: the layers whose gradients are used.
        pooled: `none`, or `groups` for the mean over the training rows of each kind.

    Cost (gradients): that of `pairwise-dot` for each checkpoint.
    """
    influence = torch.zeros(len(problem.train), len(problem.validation), dtype=torch.float64)
    for checkpoint in problem.checkpoints:
        influence += checkpoint.learning_rate * _products(gradient_space(problem, layers, checkpoint))
    return pooled_scores(influence, problem, pooled)


def _products(space: GradientSpace) -> Tensor:
    """Inner products (n_train, n_valid) of the gradients, float64: of their matrices if these fit, else streamed."""
    entries = (len(space.train) + len(space.valid)) * space.size
    if 8 * entries > space.problem.memory_budget // 4:
        return space.train.cross(space.valid)
    return space.train.matrix(torch.float64) @ space.valid.matrix(torch.float64).T
