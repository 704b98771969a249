"""The Fisher information of the training rows in Kronecker-factored eigenbases, and functions of it.

For a layer with inputs a and output gradients δ the basis is Q_S ⊗ Q_A, in which the curvature is assumed to be
diagonal. K-FAC's eigenvalues are the products of those of E[δδᵀ] and E[aaᵀ], EK-FAC's the mean squares of the rotated
gradients Q_Sᵀ g Q_A. If a layer is used at several positions, E[aaᵀ] sums over the positions and E[δδᵀ] is the mean
over them. Parameters whose gradients are no sum of outer products (norms, embeddings, grouped convolutions) keep
the standard basis, and their eigenvalues are the mean squares of their gradients.
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
"""Labels sampled from the model's probabilities (the Fisher information), or the given ones (the empirical Fisher)."""
Form = Literal["kfac", "ekfac"]
"""How the eigenvalues are computed: as products of the factors' eigenvalues, or as mean squares."""


@dataclass(frozen=True)
class Factored:
    """A symmetric block-diagonal matrix C = Q Λ Qᵀ, diagonal in a Kronecker-factored eigenbasis Q."""

    basis: Eigenbasis
    eigenvalues: Mapping[str, Tensor]

    def mapped(self, function: Callable[[Tensor], Tensor]) -> "Factored":
        """The matrix with a function applied to each block's eigenvalues."""
        return Factored(self.basis, {name: function(block) for name, block in self.eigenvalues.items()})

    def inverse(self, damping: float) -> "Factored":
        """(C + λI)⁻¹, where λ is the damping times the block's mean eigenvalue; 0 for a block without any gradients.

        Raises:
            InputError: if the damping is not above 0: most blocks would be singular.
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
    """The mean Fisher information over several checkpoints, in two passes over each.

    K-FAC needs the second pass only if the gradients of some parameters are no sum of outer products.

    Args:
        problem: gives the seed and the order of rows from which labels are sampled.
        spaces: the same parameters at each of the checkpoints.
        form: how the eigenvalues are computed.
        labels: sampled from the model's probabilities, or the given ones.

    Raises:
        InputError: if labels are to be sampled and the problem has a loss of its own.
    """
    check_labels(problem, labels)
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
    in_blocks = basis.blocks.joined(spaces[0].parameters)
    left_over = {name: torch.zeros_like(block) for name, block in in_blocks.items() if name not in values}
    if left_over:
        squares = Squares(basis, left_over)
        for gradients in rows:
            gradients.reduce(squares, objective=objective)
        values |= left_over | {name: square / n for name, square in squares.result().items()}
    return Factored(basis, values)


def check_labels(problem: Problem, labels: Labels) -> None:
    """Refuse labels to be sampled where the problem has a loss of its own, with an InputError."""
    if labels == "sampled" and problem.loss is not None:
        raise InputError(
            "labels=sampled does not fit a loss of your own, which gives no probabilities: take labels=given"
        )


def _eigen(side: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (k,) and eigenvectors (k, k); in float64 where float32 fails, as it may with many dead units."""
    try:
        values, vectors = torch.linalg.eigh(side)
        failed = not (values.isfinite().all() and vectors.isfinite().all())
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        failed = True
    if failed:
        values, vectors = torch.linalg.eigh(side.double())
    return values.to(side), vectors.to(side)


def sampled_loss(outputs: Tensor, chance: Tensor) -> Tensor:
    """Cross-entropy (B,) with labels drawn from the model's own probabilities.

    Args:
        outputs: logits (B, classes).
        chance: a uniform random number (B,) for each row, which selects its label.
    """
    drawn = (outputs.detach().softmax(1).cumsum(1) < chance[:, None]).sum(1)
    return F.cross_entropy(outputs, drawn.clamp(max=outputs.shape[1] - 1), reduction="none")


def _labelled(problem: Problem, space: GradientSpace, labels: Labels) -> Gradients:
    """The training rows' gradients; if labels are sampled, the rows have uniform random numbers in place of labels."""
    if labels == "given":
        return space.train
    return space.of(Examples(space.problem.train.x, chances(problem)))


def chances(problem: Problem) -> Tensor:
    """A uniform random number for each training row (n,), which stays with the row when rows are permuted."""
    generator, order = torch.Generator().manual_seed(problem.seed), problem.sampling_order()
    chance = torch.empty(len(order))
    chance[order] = torch.rand(len(order), generator=generator)
    return chance
