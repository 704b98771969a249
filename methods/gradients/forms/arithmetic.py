"""Arithmetic that the implicit forms share, and the estimates of which way of computing costs less."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, Protocol

import torch
from torch import Size, Tensor

PIECE = 2**18  # entries formed at a time: 1 MiB in float32, which stays in a core's cache
BLOCKS, SMALLEST_BLOCK = 6, 96  # of a symmetric product; products with fewer columns run below full speed
WRITING = 32  # multiplications in the time that writing one entry of a formed gradient takes


class Rows(Protocol):
    """A batch that has a length and can be sliced by rows."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice) -> Any: ...


def gram_costs_less(positions: int, gram_work: int, shape: Size) -> bool:
    """Whether Gram matrices of the positions take less time than forming the gradient and writing it.

    Args:
        positions: outer products in a gradient's sum.
        gram_work: multiplications for a sample's Gram matrices.
        shape: of the parameter. For a convolution, products for Gram matrices run at about half the speed of those that
            form gradients.
    """
    speed = 2 if len(shape) > 2 else 1
    return speed * gram_work < (positions + WRITING) * shape.numel()


def factors_cost_less(positions: int, shape: tuple[int, int], sketch: tuple[int, int]) -> bool:
    """Whether projecting a gradient (out, in) to (j, k) takes fewer multiplications by its factors.

    The alternative is to form the gradient, write it and multiply it first from the right, then from the left.
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
    """A function of gradients, for so few at a time that `numbers` intermediate entries of each fit in the cache."""
    step = max(1, PIECE // numbers)
    return torch.cat([function(gradient[start : start + step]) for start in range(0, len(gradient), step)])


def joined(parts: list[Tensor]) -> Tensor:
    """The parts concatenated along the first axis; a single part is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def gram(rows: Tensor) -> Tensor:
    """Gram matrices (B, T, T) of the rows of each matrix in a batch (B, T, k)."""
    return rows @ rows.mT


def second_moments(rows: Tensor) -> Tensor:
    """rowsᵀ rows (k, k) of a matrix (N, k), which is symmetric: blocks below the diagonal are copied, not computed."""
    width = rows.shape[1]
    step = max(SMALLEST_BLOCK, ceil(width / BLOCKS))
    moments = rows.new_empty(width, width)
    for start in range(0, width, step):
        block = slice(start, start + step)
        part = rows[:, block].T @ rows[:, start:]
        moments[block, start:] = part
        moments[start + step :, block] = part[:, step:].T
    return moments


def vecdot(first: Tensor, second: Tensor) -> Tensor:
    """Inner products (B,) of two batches of tensors, (B, ...) each."""
    products: Tensor = torch.linalg.vecdot(first.flatten(1), second.flatten(1))
    return products


def summed(tensors: Sequence[Tensor]) -> Tensor:
    """The sum of tensors of the same shape, from the first to the last."""
    whole = tensors[0]
    for tensor in tensors[1:]:
        whole = whole + tensor
    return whole
