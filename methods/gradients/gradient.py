"""The gradients of one parameter for a batch of samples, held implicitly, and what can be computed from these.

A linear layer's weight gradient for sample b is the sum over positions t of δ[b, t] a[b, t]ᵀ: its norm, its inner
product with a direction and weighted sums over samples need the factors only. Whatever has no better form is computed
from the gradients themselves, formed for so few samples at a time that they stay in the cache.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Size, Tensor

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

    def pieces(self) -> Iterator[Tensor]:
        """The flat gradients of a few samples at a time."""
        step = max(1, PIECE // self.shape.numel())
        if step >= len(self):
            return iter([self.flat()])
        return (self[start : start + step].flat() for start in range(0, len(self), step))

    def squared_l2(self) -> Tensor:
        """Squared L2 norms, (B,)."""
        return _joined([torch.linalg.vector_norm(piece, dim=1) for piece in self.pieces()]).square()

    def l1(self) -> Tensor:
        """L1 norms, (B,)."""
        return _joined([torch.linalg.vector_norm(piece, 1, dim=1) for piece in self.pieces()])

    def largest(self) -> Tensor:
        """Maximum norms, (B,)."""
        return _joined([piece.abs().amax(1) for piece in self.pieces()])

    def inner(self, direction: Tensor) -> Tensor:
        """Inner products (B,) with a direction of the parameter's shape, or (B, k) with k of them, stacked."""
        directions = direction.reshape(-1, self.shape.numel()).T
        products = _joined([piece @ directions for piece in self.pieces()])
        return products if direction.ndim > len(self.shape) else products[:, 0]

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """Σ_b w_b g_b for weights (B,), in the parameter's shape."""
        total: Tensor = torch.tensordot(weights, self.formed(), 1)
        return total

    def coordinates(self, index: Tensor) -> Tensor:
        """Chosen numbers (B, K) of each flat gradient, by their index (K,) in it."""
        return _joined([piece[:, index] for piece in self.pieces()])

    def cross(self, other: "Gradient") -> Tensor:
        """Inner products (B, B') of each of these gradients with each of another batch's."""
        return _joined([piece @ other.flat().T for piece in self.pieces()])


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
        return self.left.mT @ self.right

    def squared_l2(self) -> Tensor:
        """A product of norms at one position; else by the Gram matrices of the positions where these cost less."""
        if self.positions == 1:
            left, right = (torch.linalg.vector_norm(side.flatten(1), dim=1) for side in (self.left, self.right))
            return torch.square(left * right)
        out, into = self.shape
        if gram_costs_less(self.positions, self.positions**2 * (out + into), self.shape):
            return in_pieces(self, self.positions**2, lambda some: vecdot(gram(some.left), gram(some.right)))
        return super().squared_l2()

    def l1(self) -> Tensor:
        """A product of norms at one position."""
        if self.positions == 1:
            return self.left.abs().sum((1, 2)) * self.right.abs().sum((1, 2))
        return super().l1()

    def largest(self) -> Tensor:
        """A product of norms at one position."""
        if self.positions == 1:
            return self.left.abs().amax((1, 2)) * self.right.abs().amax((1, 2))
        return super().largest()

    def inner(self, direction: Tensor) -> Tensor:
        """Σ_t left_tᵀ V right_t for one direction: one more product of the size of the forward pass."""
        if direction.ndim > 2:
            return super().inner(direction)
        return vecdot(self.right @ direction.T, self.left)

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """(w left)ᵀ right: one product of the size of the backward pass."""
        return (self.left * weights[:, None, None]).flatten(0, 1).T @ self.right.flatten(0, 1)

    def coordinates(self, index: Tensor) -> Tensor:
        """A product of two numbers each, at one position."""
        if self.positions > 1:
            return super().coordinates(index)
        row, column = index // self.shape[1], index % self.shape[1]
        return self.left[:, 0, row] * self.right[:, 0, column]

    def cross(self, other: Gradient) -> Tensor:
        """The product of the factors' inner products, at one position."""
        if isinstance(other, Outer) and self.positions == other.positions == 1:
            return (self.left[:, 0] @ other.left[:, 0].T) * (self.right[:, 0] @ other.right[:, 0].T)
        return super().cross(other)


@dataclass(frozen=True)
class Sum(Gradient):
    """The gradient of a parameter that is used several times: the sum over its uses."""

    uses: Sequence[Gradient]

    @property
    def shape(self) -> Size:
        return self.uses[0].shape

    def __len__(self) -> int:
        return len(self.uses[0])

    def __getitem__(self, rows: slice) -> "Sum":
        return Sum([use[rows] for use in self.uses])

    def formed(self) -> Tensor:
        return summed([use.formed() for use in self.uses])

    def inner(self, direction: Tensor) -> Tensor:
        """Use by use."""
        return summed([use.inner(direction) for use in self.uses])

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """Use by use."""
        return summed([use.weighted_sum(weights) for use in self.uses])


def total(uses: Sequence[Gradient]) -> Gradient:
    """One gradient for all uses of a parameter: positions side by side where they are factors, else their sum."""
    if len(uses) == 1:
        return uses[0]
    if all(isinstance(use, Outer) for use in uses):
        factors = [(use.left, use.right) for use in uses if isinstance(use, Outer)]
        left, right = (torch.cat(sides, 1) for sides in zip(*factors, strict=True))
        return Outer(left, right)
    if all(isinstance(use, Plain) for use in uses):
        return Plain(summed([use.formed() for use in uses]))
    return Sum(uses)


def gram_costs_less(positions: int, gram_work: int, shape: Size) -> bool:
    """Whether Gram matrices of the positions take fewer multiplications than forming the gradient and writing it.

    Matrix products of this kind run at about half the speed of those that form gradients, where there is a convolution.
    """
    speed = 2 if len(shape) > 2 else 1
    return speed * gram_work < (positions + WRITING) * shape.numel()


def in_pieces(gradient: Gradient, numbers: int, function: Callable[..., Tensor]) -> Tensor:
    """A function of gradients, called for so few at a time that as many `numbers` for each stay in the cache."""
    step = max(1, PIECE // numbers)
    return torch.cat([function(gradient[start : start + step]) for start in range(0, len(gradient), step)])


def _joined(parts: list[Tensor]) -> Tensor:
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
