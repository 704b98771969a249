"""Influence on randomly projected gradients: TRAK and LoGra.

A random projection to a few hundred numbers approximately preserves inner products of gradients. A curvature matrix of
the projections is small enough to invert, while the p × p curvature of a network is not.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..checkpoints import Checkpoints, over
from ..gradients import reduction
from ..gradients.projection import Dense, Factored
from ..gradients.selection import Layers
from ..gradients.space import GradientSpace, gradient_space
from ..gradients.stream import Gradients

ROWS_IN_DOUBLE = 1024


@method(
    family="influence function",
    paper="Park et al. 2023 (TRAK)",
    uses={"validation", "checkpoints"},
    unless={"checkpoints": {"checkpoints": "last"}},
    classes=True,
)
def trak(
    problem: Problem, k: int = 512, damping: float = 0.1, layers: Layers = "last", checkpoints: Checkpoints = "last"
) -> Scores:
    """-Σ_z (1 - p_i) φ(z)ᵀ(ΦᵀΦ + λI)⁻¹φ_i over validation rows z, with projected gradients φ of log(p / (1 - p)).

    When: you want to trace a classifier's predictions through all its parameters, preferably over several checkpoints.
    To find wrong labels `trak-self` is better in the quick suite.

    Args:
        problem: a classifier whose outputs are logits, with validation rows; p is the label's probability.
        k: number of columns of the projection; gradients with at most k numbers are not projected.
        damping: λ as a share of the mean eigenvalue of ΦᵀΦ, above 0; the paper has no damping.
        layers: the layers whose gradients are used.
        checkpoints: `last`, the model as it stands, or `all`, the mean over all; the paper uses the final models of
            several trainings, and keeps only a sample's largest scores.

    Cost (gradients): for each checkpoint, two forward passes for the last layer, else about an epoch; the projection, k
    multiplications for every entry of every gradient; O(n k² + k³) to solve. Memory: the features (n, k).

    Raises:
        InputError: if damping is not above 0.
    """
    kernels, errors = [], []
    for number, checkpoint in enumerate(over(problem, checkpoints)):
        space, projection = gradient_space(problem, layers, checkpoint), Dense(k, problem.seed + number)
        errors.append(error(space))
        phi = features(space.train, projection)
        targets = features(space.valid, projection).sum(0, dtype=torch.float64)
        direction = torch.linalg.solve(damped_gram(phi, damping), targets)
        kernels.append(torch.cat([rows @ direction for rows in in_double(phi)]).cpu())
    return (-torch.stack(kernels).mean(0) * torch.stack(errors).mean(0)).numpy()


@method(
    family="influence function",
    paper="Park et al. 2023 (TRAK, self-influence)",
    uses={"checkpoints"},
    unless={"checkpoints": {"checkpoints": "last"}},
    classes=True,
)
def trak_self(
    problem: Problem, k: int = 512, damping: float = 0.1, layers: Layers = "last", checkpoints: Checkpoints = "last"
) -> Scores:
    """(1 - p_i) φ_iᵀ(ΦᵀΦ + λI)⁻¹φ_i with projected gradients φ of log(p / (1 - p)): the effect on a sample's own odds.

    When: you have no trusted rows and want all parameters to count. `el2n` is cheaper.

    Args:
        problem: a classifier whose outputs are logits; p is the label's probability.
        k: number of columns of the projection; gradients with at most k numbers are not projected.
        damping: λ as a share of the mean eigenvalue of ΦᵀΦ, above 0; the paper has no damping.
        layers: the layers whose gradients are used.
        checkpoints: `last`, the model as it stands, or `all`, the mean over all.

    Cost (gradients): for each checkpoint, two forward passes for the last layer, else about an epoch; the projection, k
    multiplications for every entry of every gradient; O(n k² + k³) to invert. Memory: the features (n, k).

    Raises:
        InputError: if damping is not above 0.
    """
    kernels, errors = [], []
    for number, checkpoint in enumerate(over(problem, checkpoints)):
        space = gradient_space(problem, layers, checkpoint)
        errors.append(error(space))
        phi = features(space.train, Dense(k, problem.seed + number))
        kernels.append(quadratic(phi, torch.linalg.inv(damped_gram(phi, damping))))
    return (torch.stack(kernels).mean(0) * torch.stack(errors).mean(0)).numpy()


@method(family="influence function", paper="Choe et al. 2024 (LoGra)", uses={"validation"})
def logra(problem: Problem, side: int = 16, damping: float = 0.1, layers: Layers = "last") -> Scores:
    """-Σ_l v_lᵀ(F_l + λ_l I)⁻¹g_l with gradients g projected from both sides, and their Fisher matrix F, by layer.

    When: the network is large, and you want to keep its projected gradients for many queries. For a small last layer
    `influence-exact` needs no projection and loses nothing.

    Args:
        problem: with validation rows, whose mean projected gradient is v.
        side: the length to which both sides of a parameter's gradient are projected.
        damping: λ_l as a share of the mean eigenvalue of F_l; above 0.
        layers: the layers whose gradients are used.

    Cost (gradients): one forward pass for the last layer, else about an epoch; O(n side⁴ + side⁶) to solve, for each
    layer. Memory: the projected gradients, side² numbers for each row and parameter tensor.

    Raises:
        InputError: if damping is not above 0, or side is below 1.
    """
    space, projection = gradient_space(problem, layers), Factored(side, side, problem.seed)
    train, valid = (gradients.projected(projection) for gradients in (space.train, space.valid))
    scores = torch.zeros(len(train), dtype=torch.float64)
    for columns in by_layer(space, projection):
        g, v = train[:, columns], valid[:, columns].mean(0, dtype=torch.float64)
        direction = torch.linalg.solve(damped_gram(g, damping) / len(g), v)
        scores -= torch.cat([rows @ direction for rows in in_double(g)]).cpu()
    return scores.numpy()


@method(family="influence function", paper="Choe et al. 2024 (LoGra, self-influence)")
def logra_self(problem: Problem, side: int = 16, damping: float = 0.1, layers: Layers = "last") -> Scores:
    """Σ_l g_lᵀ(F_l + λ_l I)⁻¹g_l with gradients g projected from both sides, and their Fisher matrix F, by layer.

    When: you have no trusted rows, and the network is too large for exact self-influence. Of the methods with a
    single checkpoint, it has the highest mean of the quick suite.

    Args:
        problem: the trained model and its training rows.
        side: the length to which both sides of a parameter's gradient are projected.
        damping: λ_l as a share of the mean eigenvalue of F_l; above 0.
        layers: the layers whose gradients are used.

    Cost (gradients): one forward pass for the last layer, else about an epoch; O(n side⁴ + side⁶) to invert, for each
    layer. Memory: the projected gradients, side² numbers for each row and parameter tensor.

    Raises:
        InputError: if damping is not above 0, or side is below 1.
    """
    space, projection = gradient_space(problem, layers), Factored(side, side, problem.seed)
    train = space.train.projected(projection)
    scores = torch.zeros(len(train), dtype=torch.float64)
    for columns in by_layer(space, projection):
        g = train[:, columns]
        scores += quadratic(g, torch.linalg.inv(damped_gram(g, damping) / len(g)))
    return scores.numpy()


def log_odds(outputs: Tensor, y: Tensor) -> Tensor:
    """log(p / (1 - p)) of the label's probability p, (B,), from logits: TRAK's model output function."""
    label = y[:, None]
    return outputs.gather(1, label)[:, 0] - outputs.scatter(1, label, -torch.inf).logsumexp(1)


def features(gradients: Gradients, projection: Dense) -> Tensor:
    """Projected gradients of the log-odds (n, k); the gradients (n, p) themselves if p ≤ k."""
    if projection.k < gradients.space.size:
        return gradients.projected(projection, log_odds)
    gradients.space.problem.afford(len(gradients) * gradients.space.size * 8, "the gradients (n, p)")
    flat: Tensor = gradients.reduce(reduction.Flat(), objective=log_odds)[0]
    return flat


def error(space: GradientSpace) -> Tensor:
    """1 - p (n,) of each training row, float64; p is the label's probability."""
    p = space.problem.probabilities(space.checkpoint).cpu()
    return 1 - p.gather(1, space.problem.train.y.cpu()[:, None])[:, 0]


def by_layer(space: GradientSpace, projection: Factored) -> list[slice]:
    """The columns of each layer in the projected gradients."""
    columns = projection.columns(space.parameters)
    return [slice(columns[layer[0]].start, columns[layer[-1]].stop) for layer in space.layers]


def damped_gram(rows: Tensor, damping: float) -> Tensor:
    """XᵀX + λI (k, k), float64, for rows X (n, k); λ is the damping times the mean eigenvalue of XᵀX.

    Raises:
        InputError: if the damping is not above 0.
    """
    if damping <= 0:
        raise InputError(f"damping={damping} does not fit: it must be above 0")
    gram = torch.zeros(rows.shape[1], rows.shape[1], dtype=torch.float64, device=rows.device)
    for part in in_double(rows):
        gram.addmm_(part.T, part)
    diagonal = gram.diagonal()
    diagonal += (damping * diagonal.mean()).clamp(min=torch.finfo(torch.float64).tiny)
    return gram


def quadratic(rows: Tensor, matrix: Tensor) -> Tensor:
    """xᵀ M x (n,) for each row x, float64, on the CPU."""
    return torch.cat([torch.linalg.vecdot(part @ matrix, part) for part in in_double(rows)]).cpu()


def in_double(rows: Tensor) -> Iterator[Tensor]:
    """The rows in float64, 1024 at a time."""
    return (part.double() for part in rows.split(ROWS_IN_DOUBLE))
