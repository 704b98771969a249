"""EK-FAC: the Fisher information in a Kronecker-factored eigenbasis, with eigenvalues of its own.

In that basis, Q_S ⊗ Q_A for a layer with inputs a and output gradients δ, the curvature is taken to be diagonal: its
eigenvalues are the mean squares Λ of the rotated gradients Q_Sᵀ g Q_A. Parameters that no outer product reaches (norms,
embeddings, grouped convolutions) keep the basis they have.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ..bench.errors import InputError
from ..bench.examples import Examples
from ..bench.problem import Problem, Scores
from ..bench.registry import method
from .gradients import Direction, GradientSpace, Layers, gradient_space
from .gradients.gradient import Gradient
from .gradients.reduction import PerSample
from .kronecker import Covariances, Eigenbasis, Squares, blocks_of

Labels = Literal["sampled", "given"]


@method(family="influence function", paper="Grosse et al. 2023, eq. 20; George et al. 2018", uses={"validation"})
def ekfac(problem: Problem, damping: float = 0.1, layers: Layers = "last", labels: Labels = "sampled") -> Scores:
    """-vᵀ(F + λI)⁻¹g with the Fisher information F in its Kronecker-factored eigenbasis, layer by layer.

    Args:
        problem: with validation rows, whose mean gradient is v.
        damping: λ as a share of the layer's mean eigenvalue, above 0.
        layers: whose parameters the gradients are taken for.
        labels: `sampled` from the model's own probabilities, as the Fisher information has them, or `given`.

    Cost: three passes and, in each, products with the square of the layers' widths; O(width³) for the basis.
    """
    space = gradient_space(problem, layers)
    basis, inverse = fitted(space, problem, damping, labels)
    v = space.valid.mean()
    ihvp = basis.blocks.parted(basis.scaled(basis.blocks.joined(v), inverse), v)
    return -space.train.inner(ihvp).numpy()


@method(family="influence function", paper="Grosse et al. 2023; Bejan et al. 2023 (self-influence)")
def ekfac_self(problem: Problem, damping: float = 0.1, layers: Layers = "last", labels: Labels = "sampled") -> Scores:
    """gᵀ(F + λI)⁻¹g with the Fisher information F in its Kronecker-factored eigenbasis, layer by layer.

    Args:
        problem: the trained model and its training rows.
        damping: λ as a share of the layer's mean eigenvalue, above 0.
        layers: whose parameters the gradients are taken for.
        labels: `sampled` from the model's own probabilities, as the Fisher information has them, or `given`.

    Cost: three passes and, in each, products with the square of the layers' widths; O(width³) for the basis.
    """
    space = gradient_space(problem, layers)
    basis, inverse = fitted(space, problem, damping, labels)

    def quadratic(name: str, gradient: Gradient) -> Tensor:
        block = basis.rotated(name, gradient)
        return torch.zeros(()) if block is None else block.squared().inner(inverse[name])

    scores: Scores = space.train.reduce(PerSample(quadratic))[0].sum(1).numpy()
    return scores


def fitted(space: GradientSpace, problem: Problem, damping: float, labels: Labels) -> tuple[Eigenbasis, Direction]:
    """The eigenbasis of the training rows' curvature, and 1 / (Λ + λ) in it, in two passes."""
    if damping <= 0:
        raise InputError(f"damping={damping} does not fit: it must be above 0")
    if labels == "sampled" and problem.loss is not None:
        raise InputError(
            "labels=sampled does not fit a loss of your own, which gives no probabilities: take labels=given"
        )
    gradients, objective = space.train, None
    if labels == "sampled":
        generator, order = torch.Generator().manual_seed(problem.seed), problem.sampling_order()
        chance = torch.empty(len(order))
        chance[order] = torch.rand(len(order), generator=generator)
        gradients, objective = space.of(Examples(space.problem.train.x, chance)), sampled_loss
    pairs = gradients.reduce(Covariances(blocks_of(space)), objective=objective)[0]
    sides = {
        name: tuple(torch.linalg.eigh(side)[1].to(space.parameters[name]) for side in pair)
        for name, pair in pairs.items()
    }
    basis = Eigenbasis(blocks_of(space).within(sides), sides)
    squares = gradients.reduce(Squares(basis), objective=objective)[0]
    return basis, {name: _damped_inverse(square / len(gradients), damping) for name, square in squares.items()}


def sampled_loss(outputs: Tensor, chance: Tensor) -> Tensor:
    """Cross-entropy (B,) with labels drawn from the model's own probabilities, by uniform numbers (B,)."""
    drawn = (outputs.detach().softmax(1).cumsum(1) < chance[:, None]).sum(1)
    return F.cross_entropy(outputs, drawn.clamp(max=outputs.shape[1] - 1), reduction="none")


def _damped_inverse(eigenvalues: Tensor, damping: float) -> Tensor:
    return 1 / (eigenvalues + (damping * eigenvalues.mean()).clamp(min=torch.finfo(eigenvalues.dtype).tiny))
