"""The gradients of one parameter for a batch of samples, held implicitly, and what can be computed from these.

A linear layer's weight gradient for sample b is the sum over positions t of δ[b, t] a[b, t]ᵀ: its norm, its inner
product with a direction and weighted sums over samples need the factors only. Whatever has no better form is computed
from the gradients themselves, formed for so few samples at a time that they stay in the cache.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import torch
from torch import Size, Tensor

if TYPE_CHECKING:
    from .outer import Outer

PIECE = 2**18  # numbers formed at a time: 1 MiB in float32, which stays in a core's cache
WRITING = 32  # multiplications that fit in the time of writing one number of a formed gradient


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


def gram_costs_less(positions: int, gram_work: int, shape: Size) -> bool:
    """Whether Gram matrices of the positions take fewer multiplications than forming the gradient and writing it.

    Matrix products of this kind run at about half the speed of those that form gradients, where there is a convolution.
    """
    speed = 2 if len(shape) > 2 else 1
    return speed * gram_work < (positions + WRITING) * shape.numel()


def factors_cost_less(positions: int, shape: tuple[int, int], sketch: tuple[int, int]) -> bool:
    """Whether a product of a gradient (out, in) from both sides, (j, k), takes fewer multiplications by the factors.

    The other way is to form the gradient, to write it and to multiply it first from the right, then from the left.
    """
    (out, into), (j, k) = shape, sketch
    factored = positions * (out * j + into * k + j * k)
    return 0 < factored < out * ((positions + WRITING + k) * into + j * k)


def rows_at_a_time(shape: Size, numbers: int) -> list[slice]:
    """Rows of a parameter of that shape, so many that they hold no more numbers than that, but one; all alike."""
    rows = max(1, numbers // shape[1:].numel())
    step = ceil(shape[0] / ceil(shape[0] / rows))
    return [slice(start, start + step) for start in range(0, shape[0], step)]


def in_pieces(gradient: Gradient, numbers: int, function: Callable[..., Tensor]) -> Tensor:
    """A function of gradients, called for so few at a time that as many `numbers` for each stay in the cache."""
    step = max(1, PIECE // numbers)
    return torch.cat([function(gradient[start : start + step]) for start in range(0, len(gradient), step)])


def joined(parts: list[Tensor]) -> Tensor:
    """Parts one after another."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def gram(rows: Tensor) -> Tensor:
    """Inner products (B, T, T) between the rows of each of (B, T, ...)."""
    return rows @ rows.mT


def vecdot(first: Tensor, second: Tensor) -> Tensor:
    """Inner products (B,) of two batches of anything, (B, ...) each."""
    products: Tensor = torch.linalg.vecdot(first.flatten(1), second.flatten(1))
    return products


def summed(tensors: Sequence[Tensor]) -> Tensor:
    """The sum of tensors of one shape."""
    whole = tensors[0]
    for tensor in tensors[1:]:
        whole = whole + tensor
    return whole
