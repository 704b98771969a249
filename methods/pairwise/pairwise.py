"""The influence of each training row on each validation row: which data a model's answer comes from.

Scores are matrices (n_train, n_valid). Higher means that training on the row lowers the loss of the other more: the
opposite sign of the methods that look for harmful rows, which are means over the validation rows.
"""

from typing import Literal

import torch
from torch import Tensor

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.selection import Layers
from ..gradients.space import GradientSpace, gradient_space
from ..influence.datainf import lambdas

Pooled = Literal["none", "groups"]
"""Whether each training row's influence is its own, or the mean over the rows of its kind, which the method is told."""


@method(family="control", paper="none: chance", uses={"validation"}, pairwise=True)
def pairwise_random(problem: Problem) -> Scores:
    """Uniform random numbers.

    When: always, as the floor: what does not beat it has found nothing.

    Args:
        problem: only its seed and its rows count.

    Cost (free): none.
    """
    generator = torch.Generator().manual_seed(problem.seed)
    influence = torch.empty(len(problem.train), len(problem.validation), dtype=torch.float64)
    influence[problem.sampling_order()] = torch.rand(influence.shape, generator=generator, dtype=torch.float64)
    return influence.numpy()


@method(
    family="influential data",
    paper="Charpiat et al. 2019, section 2",
    uses={"validation", "groups"},
    pairwise=True,
    unless={"groups": {"pooled": "none"}},
)
def pairwise_dot(problem: Problem, layers: Layers = "last", pooled: Pooled = "none") -> Scores:
    """The inner product of the two rows' gradients (Grad-Dot).

    When: it is asked which training rows a prediction comes from, and gradients are of like size.

    Args:
        problem: with validation rows.
        layers: whose parameters the gradients are taken for.
        pooled: none, or the mean over the training rows of each kind.

    Cost (gradients): one forward pass for the last layer, else one epoch where the gradients (n, p) are within half the
    memory budget, or one for each batch of validation rows.
    """
    return _pooled(_products(gradient_space(problem, layers)), problem, pooled)


@method(
    family="influential data",
    paper="Charpiat et al. 2019, section 3",
    uses={"validation", "groups"},
    pairwise=True,
    unless={"groups": {"pooled": "none"}},
)
def pairwise_cosine(problem: Problem, layers: Layers = "last", pooled: Pooled = "none") -> Scores:
    """The cosine of the angle between the two rows' gradients (Grad-Cos).

    When: it is asked which training rows a prediction comes from, and few rows of large gradients should not be the
    answer to every question.

    Args:
        problem: with validation rows.
        layers: whose parameters the gradients are taken for.
        pooled: none, or the mean over the training rows of each kind.

    Cost (gradients): that of the inner products, and one epoch.
    """
    space = gradient_space(problem, layers)
    lengths = space.train.squared_l2().sqrt()[:, None] * space.valid.squared_l2().sqrt()
    return _pooled(_products(space) / lengths.clamp(min=torch.finfo(torch.float64).tiny), problem, pooled)


@method(
    family="influential data",
    paper="Pruthi et al. 2020, section 3 (TracInCP)",
    uses={"validation", "checkpoints", "groups"},
    pairwise=True,
    unless={"groups": {"pooled": "none"}},
)
def pairwise_tracin(problem: Problem, layers: Layers = "last", pooled: Pooled = "none") -> Scores:
    """Sum over checkpoints of learning rate times the inner product of the two rows' gradients.

    When: it is asked which training rows a prediction comes from, and checkpoints of the training are kept.

    Args:
        problem: with validation rows; every checkpoint counts with its learning rate.
        layers: whose parameters the gradients are taken for.
        pooled: none, or the mean over the training rows of each kind.

    Cost (gradients): that of the inner products for every checkpoint.
    """
    influence = torch.zeros(len(problem.train), len(problem.validation), dtype=torch.float64)
    for checkpoint in problem.checkpoints:
        influence += checkpoint.learning_rate * _products(gradient_space(problem, layers, checkpoint))
    return _pooled(influence, problem, pooled)


@method(
    family="influential data",
    paper="Kwon et al. 2024, eq. 5",
    uses={"validation", "groups"},
    pairwise=True,
    unless={"groups": {"pooled": "none"}},
)
def pairwise_datainf(
    problem: Problem, damping: float = 0.1, layers: Layers = "last", pooled: Pooled = "none"
) -> Scores:
    """Σ_l h_l·g_l with h_l = (1/nλ_l) Σ_i (v_l - (v_l·g_il)/(λ_l + ‖g_il‖²) g_il), v the validation row's gradient.

    When: it is asked which training rows a prediction comes from, of a model with adapters.

    Args:
        problem: with validation rows.
        damping: λ_l as a share of the mean square of the layer's gradient entries.
        layers: whose p parameters the gradients are taken for.
        pooled: none, or the mean over the training rows of each kind.

    Cost (gradients): two forward passes for the last layer, else two epochs, and O(n m p) for m validation rows;
    refused where the gradients (n, p) are above the memory budget.
    """
    space = gradient_space(problem, layers)
    train, valid = (rows.matrix().double().split(space.layer_sizes.tolist(), 1) for rows in (space.train, space.valid))
    squared = torch.stack([g.square().sum(1) for g in train], 1)
    lam = lambdas(squared, space.layer_sizes.to(squared.device), damping)
    influence = torch.zeros(len(train[0]), len(valid[0]), dtype=torch.float64)
    for g, v, own, one in zip(train, valid, squared.unbind(1), lam, strict=True):
        along = g @ v.T
        influence += (along - g @ (g.T @ (along / (one + own)[:, None])) / len(g)) / one
    return _pooled(influence, problem, pooled)


def _pooled(influence: Tensor, problem: Problem, pooled: Pooled) -> Scores:
    """Influences (n_train, n_valid) as they are, or each the mean over the training rows of its row's kind."""
    if pooled == "groups":
        group = problem.known_groups.to(influence.device).unique(return_inverse=True)[1]
        members = torch.nn.functional.one_hot(group).to(influence.dtype)
        influence = (members.T @ influence / members.sum(0)[:, None])[group]
    return influence.numpy()


def _products(space: GradientSpace) -> Tensor:
    """Inner products (n_train, n_valid) of the gradients, float64: of their matrices where these fit, else streamed."""
    numbers = (len(space.train) + len(space.valid)) * space.size
    if 12 * numbers > space.problem.memory_budget // 2:  # in single and in double precision
        return space.train.cross(space.valid)
    return space.train.matrix().double() @ space.valid.matrix().double().T
