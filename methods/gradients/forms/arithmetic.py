"""Arithmetic that the implicit forms share."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, Protocol

import torch
from torch import Size, Tensor

PIECE = 2**18  # numbers formed at a time: 1 MiB in float32, which stays in a core's cache


WRITING = 32  # multiplications that fit in the time of writing one number of a formed gradient


class Rows(Protocol):
    """Anything that has rows and can be cut into slices of them."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice) -> Any: ...


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
    """Slices over the first axis, of equal length, each with at most `numbers` entries (but at least one row)."""
    rows = max(1, numbers // shape[1:].numel())
    step = ceil(shape[0] / ceil(shape[0] / rows))
    return [slice(start, start + step) for start in range(0, shape[0], step)]


def in_pieces(gradient: Rows, numbers: int, function: Callable[..., Tensor]) -> Tensor:
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
