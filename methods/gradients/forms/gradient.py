"""The per-sample gradients of one parameter for a batch, in implicit form, and the quantities computed from them.

A linear layer's weight gradient for sample b is the sum over positions t of δ[b, t] a[b, t]ᵀ. Its norm, its inner
product with a direction and weighted sums over samples need only these factors. A quantity without a rule of its own is
computed from the gradients themselves, which are formed for a few samples at a time so that they stay in the cache.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Size, Tensor

from .arithmetic import PIECE, factors_cost_less, joined, summed


class Gradient(ABC):
    """Per-sample gradients (B, ...) of one parameter."""

    @property
    @abstractmethod
    def shape(self) -> Size:
        """The parameter's shape."""

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
        """The gradients themselves, flattened: (B, entries of the parameter)."""
        return self.formed().reshape(len(self), -1)

    @property
    def samples_at_a_time(self) -> int:
        """The number of samples whose gradients are formed at a time."""
        return max(1, PIECE // self.shape.numel())

    def pieces(self) -> Iterator[Tensor]:
        """The flat gradients of a few samples at a time."""
        step = self.samples_at_a_time
        if step >= len(self):
            return iter([self.flat()])
        return (self[start : start + step].flat() for start in range(0, len(self), step))

    def summands(self) -> Sequence["Gradient"]:
        """The gradients whose sum these are: one for each use of the parameter that has a form of its own."""
        return [self]

    def strips(self, numbers: int) -> Iterator[tuple[int, "Gradient"]]:
        """The gradients of a few rows of the parameter at a time, each with the flat index of its first entry.

        Args:
            numbers: entries of each strip, at most; a form that cannot be split gives a single strip.
        """
        return iter([(0, self)])

    def scattered(self) -> tuple[Tensor, Tensor] | None:
        """Entries (B, K) and their flat indices (B, K), all other entries being 0; None if the gradients are dense.

        Entries with the same index add up.
        """
        return None

    @property
    def positions(self) -> int:
        """The number T of outer products in each gradient's sum; 0 if the gradients have no such form."""
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
        """The squares of all entries, as gradients."""
        return Squared(self)

    def projected(self, left: Tensor, right: Tensor) -> "Gradient | None":
        """leftᵀ g right (B, j, k) for matrices (out, j) and (in, k) as outer products; None if g is no sum of these.

        If `right` has one row more, it belongs to an input that is always 1: the bias's gradient is then the last
        column of g.
        """
        return None

    @property
    def of_constant(self) -> Tensor:
        """The gradients (B, out) of the bias of a sum of outer products: of an input that is always 1."""
        raise NotImplementedError

    def compressed(self, left: Tensor, right: Tensor) -> Tensor:
        """leftᵀ g right (B, j, k) for matrices (out, j) and (in, k), from the factors of g where these cost less.

        A further row of `right` belongs to the bias, as in `projected`.
        """
        out, into = len(left), self.shape.numel() // len(left)
        if factors_cost_less(self.positions, (out, into), (left.shape[1], right.shape[1])):
            product = self.projected(left, right)
            if product is not None:
                return product.formed()
        halves = (piece.reshape(-1, out, into) @ right[:into] for piece in self.pieces())
        if len(right) == into:
            return joined([left.T @ half for half in halves])
        biases = self.of_constant[:, :, None].split(self.samples_at_a_time)
        return joined([left.T @ (half + bias * right[into]) for half, bias in zip(halves, biases, strict=True)])

    def covariances(self, constant: bool) -> tuple[Tensor, Tensor, int] | None:
        """Σ left leftᵀ (out, out) and Σ right rightᵀ (in, in) over all outer products of the batch, and their number.

        None if the gradients are no sum of outer products.

        Args:
            constant: whether to append an input that is always 1, for the bias.
        """
        return None

    def coordinates(self, index: Tensor) -> Tensor:
        """Selected entries (B, K) of the flat gradients, by their indices (K,)."""
        return joined([piece[:, index] for piece in self.pieces()])

    def cross(self, other: "Gradient") -> Tensor:
        """Inner products (B, B') of these gradients with those of another batch."""
        return joined([piece @ other.flat().T for piece in self.pieces()])


@dataclass(frozen=True)
class Plain(Gradient):
    """Gradients in full, (B, ...): of small parameters, and of those that have no closed form."""

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
class Rotated(Gradient):
    """leftᵀ g right (B, j, k) of other gradients g, as `Gradient.compressed` computes it when it is asked for."""

    of: Gradient
    left: Tensor
    right: Tensor

    @property
    def shape(self) -> Size:
        return Size((self.left.shape[1], self.right.shape[1]))

    def __len__(self) -> int:
        return len(self.of)

    def __getitem__(self, rows: slice) -> "Rotated":
        return Rotated(self.of[rows], self.left, self.right)

    def formed(self) -> Tensor:
        return self.of.compressed(self.left, self.right)


@dataclass(frozen=True)
class Squared(Gradient):
    """The squares of all entries of other gradients."""

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
