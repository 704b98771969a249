"""The Fisher information of the training rows in Kronecker-factored eigenbases, and functions of it.

For a layer with inputs a and output gradients δ the basis is Q_S ⊗ Q_A, and the curvature is taken to be diagonal in
it: K-FAC's eigenvalues are the products of those of E[δδᵀ] and E[aaᵀ], EK-FAC's the mean squares of the rotated
gradients Q_Sᵀ g Q_A. Where a layer is used at several positions, E[aaᵀ] sums over them and E[δδᵀ] is their mean.
Parameters that no outer product reaches (norms, embeddings, grouped convolutions) keep the basis they have, and their
mean squares.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ...bench.errors import InputError
from ...bench.problem.examples import Examples
from ...bench.problem.problem import Problem
from ..gradients.forms.gradient import Gradient
from ..gradients.reduction import Direction, PerSample
from ..gradients.space import GradientSpace
from ..gradients.stream import Gradients
from ..queries import reciprocal
from .kronecker import Covariances, Eigenbasis, Squares, blocks_of

Labels = Literal["sampled", "given"]
Form = Literal["kfac", "ekfac"]


@dataclass(frozen=True)
class Factored:
    """A symmetric matrix Q Λ Qᵀ that is diagonal, block by block, in a Kronecker-factored eigenbasis."""

    basis: Eigenbasis
    eigenvalues: Mapping[str, Tensor]

    def mapped(self, function: Callable[[Tensor], Tensor]) -> "Factored":
        """With a function of each block's eigenvalues."""
        return Factored(self.basis, {name: function(block) for name, block in self.eigenvalues.items()})

    def inverse(self, damping: float) -> "Factored":
        """(C + λI)⁻¹ with λ as a share of the block's mean eigenvalue; 0 where a block has no gradients at all.

        Raises:
            InputError: if the damping is not above 0, without which most blocks are singular.
        """
        if damping <= 0:
            raise InputError(f"damping={damping} does not fit: it must be above 0")
        return self.mapped(lambda block: reciprocal(block + damping * block.mean()))

    def times(self, direction: Direction) -> Direction:
        """The matrix times a direction."""
        blocks = self.basis.blocks
        return blocks.parted(self.basis.scaled(blocks.joined(direction), self.eigenvalues), direction)

    def quadratic(self, gradients: Gradients, power: int = 1) -> Tensor:
        """gᵀ C^power g (n,), float64, in one pass over the gradients."""
        scales = {name: block**power for name, block in self.eigenvalues.items()}

        def squares(name: str, gradient: Gradient) -> Tensor:
            block = self.basis.rotated(name, gradient)
            return torch.zeros(()) if block is None else block.squared().inner(scales[name])

        result: Tensor = gradients.reduce(PerSample(squares))[0].sum(1)
        return result


def fisher(problem: Problem, spaces: Sequence[GradientSpace], form: Form, labels: Labels) -> Factored:
    """The mean Fisher information over the spaces, which are one at several checkpoints; two passes over each.

    K-FAC needs the second pass only where a parameter is no outer product's.

    Raises:
        InputError: if labels are to be sampled and the loss is no cross-entropy.
    """
    if labels == "sampled" and problem.loss is not None:
        raise InputError(
            "labels=sampled does not fit a loss of your own, which gives no probabilities: take labels=given"
        )
    objective = sampled_loss if labels == "sampled" else None
    rows = [_labelled(problem, space, labels) for space in spaces]
    blocks, n = blocks_of(spaces[0]), sum(map(len, rows))
    covariances = Covariances(blocks)
    for gradients in rows:
        gradients.reduce(covariances, objective=objective)
    sides, values = {}, {}
    for name, (left, right, number) in covariances.result().items():
        (left_values, left_vectors), (right_values, right_vectors) = _eigen(left), _eigen(right)
        like = spaces[0].parameters[name]
        sides[name] = left_vectors.to(like), right_vectors.to(like)
        kronecker = torch.outer(left_values.clamp(min=0) / number, right_values.clamp(min=0) / n)
        values[name] = kronecker.to(like)
    basis = Eigenbasis(blocks.within(sides), sides)
    if form == "ekfac":
        values = {}
    left_over = [name for name in basis.blocks.joined(spaces[0].parameters) if name not in values]
    if left_over:
        squares = Squares(basis, left_over)
        for gradients in rows:
            gradients.reduce(squares, objective=objective)
        values |= {name: square / n for name, square in squares.result().items()}
    return Factored(basis, values)


def _eigen(side: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (k,) and vectors (k, k); single precision may not converge where many units are dead."""
    try:
        values, vectors = torch.linalg.eigh(side)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        values, vectors = torch.linalg.eigh(side.double())
    return values.to(side), vectors.to(side)


def sampled_loss(outputs: Tensor, chance: Tensor) -> Tensor:
    """Cross-entropy (B,) with labels drawn from the model's own probabilities, by uniform numbers (B,)."""
    drawn = (outputs.detach().softmax(1).cumsum(1) < chance[:, None]).sum(1)
    return F.cross_entropy(outputs, drawn.clamp(max=outputs.shape[1] - 1), reduction="none")


def _labelled(problem: Problem, space: GradientSpace, labels: Labels) -> Gradients:
    """The training rows' gradients, with uniform numbers in place of labels where these are to be sampled."""
    if labels == "given":
        return space.train
    return space.of(Examples(space.problem.train.x, chances(problem)))


def chances(problem: Problem) -> Tensor:
    """A uniform number for each training row (n,), which follows the row wherever it stands."""
    generator, order = torch.Generator().manual_seed(problem.seed), problem.sampling_order()
    chance = torch.empty(len(order))
    chance[order] = torch.rand(len(order), generator=generator)
    return chance
