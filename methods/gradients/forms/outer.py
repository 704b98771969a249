"""Per-sample gradients as sums of outer products: the form of every parameter that is a factor of a matrix product."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Size, Tensor
from torch.nn import functional as F

from .arithmetic import gram, gram_costs_less, in_pieces, rows_at_a_time, second_moments, vecdot
from .gradient import Gradient


@dataclass(frozen=True)
class Outer(Gradient):
    """Σ_t left_t right_tᵀ (out, in) from factors `left` (B, T, out) and `right` (B, T, in) at T positions."""

    left: Tensor
    right: Tensor

    @property
    def shape(self) -> Size:
        return Size((self.left.shape[2], self.right.shape[2]))

    @property
    def positions(self) -> int:
        """T."""
        return self.left.shape[1]

    def __len__(self) -> int:
        return len(self.left)

    def __getitem__(self, rows: slice) -> "Outer":
        return Outer(self.left[rows], self.right[rows])

    def formed(self) -> Tensor:
        return self.left.mT * self.right if self.positions == 1 else self.left.mT @ self.right

    def strips(self, numbers: int) -> Iterator[tuple[int, Gradient]]:
        """A few rows of the matrix at a time."""
        for rows in rows_at_a_time(self.shape, numbers):
            yield rows.start * self.shape[1], Outer(self.left[:, :, rows], self.right)

    def squared_l2(self) -> Tensor:
        """The product of the factors' norms if T = 1; else from Gram matrices of the positions if these cost less."""
        if self.positions == 1:
            left, right = (torch.linalg.vector_norm(side.flatten(1), dim=1) for side in (self.left, self.right))
            return torch.square(left * right)
        out, into = self.shape
        if gram_costs_less(self.positions, self.positions**2 * (out + into), self.shape):
            return in_pieces(self, self.positions**2, lambda some: vecdot(gram(some.left), gram(some.right)))
        return super().squared_l2()

    def l1(self) -> Tensor:
        """The product of the factors' norms if T = 1."""
        if self.positions == 1:
            return self.left.abs().sum((1, 2)) * self.right.abs().sum((1, 2))
        return super().l1()

    def largest(self) -> Tensor:
        """The product of the factors' norms if T = 1."""
        if self.positions == 1:
            return self.left.abs().amax((1, 2)) * self.right.abs().amax((1, 2))
        return super().largest()

    def inner(self, direction: Tensor) -> Tensor:
        """Σ_t left_tᵀ V right_t for one direction V: one matrix product of the size of the forward pass."""
        if direction.ndim > 2:
            return super().inner(direction)
        return vecdot(self.right @ direction.T, self.left)

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """(w left)ᵀ right: one matrix product of the size of the backward pass."""
        return (self.left * weights[:, None, None]).flatten(0, 1).T @ self.right.flatten(0, 1)

    def squared(self) -> Gradient:
        """The outer product of the factors' squares if T = 1."""
        return Outer(self.left.square(), self.right.square()) if self.positions == 1 else super().squared()

    def projected(self, left: Tensor, right: Tensor) -> "Outer":
        """Each factor by a matrix product; the row for the constant input is added."""
        into = self.shape[1]
        factor = self.right @ right[:into]
        return Outer(self.left @ left, factor + right[into] if len(right) > into else factor)

    @property
    def of_constant(self) -> Tensor:
        return self.left.sum(1)

    def covariances(self, constant: bool) -> tuple[Tensor, Tensor, int]:
        """From the factors directly."""
        right = F.pad(self.right, (0, 1), value=1.0) if constant else self.right
        left, right = self.left.flatten(0, 1), right.flatten(0, 1)
        return second_moments(left), second_moments(right), len(left)

    def coordinates(self, index: Tensor) -> Tensor:
        """Each entry as a product of two numbers if T = 1."""
        if self.positions > 1:
            return super().coordinates(index)
        row, column = index // self.shape[1], index % self.shape[1]
        return self.left[:, 0, row] * self.right[:, 0, column]

    def cross(self, other: Gradient) -> Tensor:
        """The product of the factors' inner products if both have T = 1."""
        if isinstance(other, Outer) and self.positions == other.positions == 1:
            return (self.left[:, 0] @ other.left[:, 0].T) * (self.right[:, 0] @ other.right[:, 0].T)
        return super().cross(other)
