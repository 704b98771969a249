"""The gradients of one parameter for a batch of samples, held implicitly, and what can be computed from these.

A linear layer's weight gradient for sample b is the sum over positions t of δ[b, t] a[b, t]ᵀ: its norm, its inner
product with a direction and weighted sums over samples need the factors only. Whatever has no better form is computed
from the gradients themselves, formed for so few samples at a time that they stay in the cache.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Size, Tensor

from .arithmetic import PIECE, factors_cost_less, joined, summed

if TYPE_CHECKING:
    from .outer import Outer


class Gradient(ABC):
    """Per-sample gradients (B, ...) of one parameter."""

    @property
    @abstractmethod
    def shape(self) -> Size:
        """Of the parameter."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples, B."""

    @abstractmethod
    def __getitem__(self, rows: slice) -> "Gradient":
        """The gradients of some of the samples."""

    @abstractmethod
    def formed(self) -> Tensor:
        """The gradients themselves, (B, ...)."""

    def flat(self) -> Tensor:
        """The gradients themselves, (B, numbers in the parameter)."""
        return self.formed().reshape(len(self), -1)

    @property
    def samples_at_a_time(self) -> int:
        """Of how many samples the gradients are formed at a time."""
        return max(1, PIECE // self.shape.numel())

    def pieces(self) -> Iterator[Tensor]:
        """The flat gradients of a few samples at a time."""
        step = self.samples_at_a_time
        if step >= len(self):
            return iter([self.flat()])
        return (self[start : start + step].flat() for start in range(0, len(self), step))

    def summands(self) -> "Sequence[Gradient]":
        """Gradients of which these are the sum."""
        return [self]

    def strips(self, numbers: int) -> "Iterator[tuple[int, Gradient]]":
        """The gradients of some rows of the parameter at a time, as gradients, and the first of their coordinates.

        Args:
            numbers: coordinates at a time, at most, where the gradients can be taken apart.
        """
        return iter([(0, self)])

    def scattered(self) -> tuple[Tensor, Tensor] | None:
        """Numbers (B, K) and their indices in the flat gradients, all else being 0, if this is so sparse; else none.

        Numbers of one index add up.
        """
        return None

    @property
    def positions(self) -> int:
        """How many outer products each of the gradients is the sum of; 0 if it is not known as such."""
        return 0

    def squared_l2(self) -> Tensor:
        """Squared L2 norms, (B,)."""
        return joined([torch.linalg.vector_norm(piece, dim=1) for piece in self.pieces()]).square()

    def l1(self) -> Tensor:
        """L1 norms, (B,)."""
        return joined([torch.linalg.vector_norm(piece, 1, dim=1) for piece in self.pieces()])

    def largest(self) -> Tensor:
        """Maximum norms, (B,)."""
        return joined([piece.abs().amax(1) for piece in self.pieces()])

    def inner(self, direction: Tensor) -> Tensor:
        """Inner products (B,) with a direction of the parameter's shape, or (B, k) with k of them, stacked."""
        directions = direction.reshape(-1, self.shape.numel()).T
        products = joined([piece @ directions for piece in self.pieces()])
        return products if direction.ndim > len(self.shape) else products[:, 0]

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """Σ_b w_b g_b for weights (B,), in the parameter's shape."""
        parts = zip(weights.split(self.samples_at_a_time), self.pieces(), strict=True)
        return summed([part @ piece for part, piece in parts]).reshape(self.shape)

    def squared(self) -> "Gradient":
        """The gradients' squares, number by number."""
        return Squared(self)

    def projected(self, left: Tensor, right: Tensor) -> "Outer | None":
        """leftᵀ g right (B, j, k) for matrices (out, j) and (in, k), if these are sums of outer products; else none.

        With a row more in `right`, for an input that is always 1, the bias's gradient is the last column of g.
        """
        return None

    def compressed(self, left: Tensor, right: Tensor) -> Tensor:
        """leftᵀ g right (B, j, k) for matrices (out, j) and (in, k), by the factors of g where these cost less."""
        out, into = len(left), len(right)
        if factors_cost_less(self.positions, (out, into), (left.shape[1], right.shape[1])):
            outer = self.projected(left, right)
            if outer is not None:
                return outer.formed()
        return joined([left.T @ piece.reshape(-1, out, into) @ right for piece in self.pieces()])

    def covariances(self, constant: bool) -> tuple[Tensor, Tensor, int] | None:
        """Σ left leftᵀ (out, out) and Σ right rightᵀ (in, in) over the samples' outer products, and their number.

        None where these are not known.

        Args:
            constant: whether there is an input more that is always 1.
        """
        return None

    def coordinates(self, index: Tensor) -> Tensor:
        """Chosen numbers (B, K) of each flat gradient, by their index (K,) in it."""
        return joined([piece[:, index] for piece in self.pieces()])

    def cross(self, other: "Gradient") -> Tensor:
        """Inner products (B, B') of each of these gradients with each of another batch's."""
        return joined([piece @ other.flat().T for piece in self.pieces()])


@dataclass(frozen=True)
class Plain(Gradient):
    """Gradients as they are, (B, ...): for parameters that are few, and for the fallback."""

    tensor: Tensor

    @property
    def shape(self) -> Size:
        return self.tensor.shape[1:]

    def __len__(self) -> int:
        return len(self.tensor)

    def __getitem__(self, rows: slice) -> "Plain":
        return Plain(self.tensor[rows])

    def formed(self) -> Tensor:
        return self.tensor


@dataclass(frozen=True)
class Squared(Gradient):
    """The squares of gradients, number by number."""

    of: Gradient

    @property
    def shape(self) -> Size:
        return self.of.shape

    def __len__(self) -> int:
        return len(self.of)

    def __getitem__(self, rows: slice) -> "Squared":
        return Squared(self.of[rows])

    def formed(self) -> Tensor:
        return self.of.formed().square()
