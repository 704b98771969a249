"""Random projections of per-sample gradients to far fewer numbers, which preserve inner products in expectation.

For every projection P here E⟨Pᵀg, Pᵀg'⟩ = ⟨g, g'⟩, with a variance that falls as 1/k. A projection is a value: equal
projections give the same numbers for training and validation rows and for every batch size. They do so whichever other
parameters are selected, since a parameter's draws depend on its name. No part of P is kept, except for the narrow sides
of `Factored`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from typing import Protocol

import torch
from torch import Size, Tensor

from ...bench.errors import InputError
from .forms.arithmetic import joined
from .forms.gradient import Gradient
from .reduction import Layout, at_least_single
from .signs import key, places, signs

FORMED = 2**22  # gradient entries formed at a time, before they are multiplied by signs: 16 MiB in float32
DRAWN = 2**20  # signs drawn at a time: 4 MiB in float32
PLACED = 2**18  # columns drawn at a time: 2 MiB, and as much for each step of drawing them

Add = Callable[[Gradient, Tensor], None]


class Projection(Protocol):
    """A random matrix (p, k), made of a block of rows for each parameter."""

    def columns(self, parameters: Mapping[str, Tensor]) -> dict[str, slice]:
        """The columns of the projected gradients to which each parameter's gradient contributes."""

    def onto(self, name: str, parameter: Tensor) -> Add:
        """A function that adds the projections of the parameter's gradients to its columns (B, ...) of the result."""


@dataclass(frozen=True)
class Dense:
    """k sums of all entries with random signs, divided by √k (Park et al. 2023; Achlioptas 2003).

    Signs are drawn block by block, once for each batch. A gradient is formed for as many rows of a parameter as fit a
    block: with independent signs this never takes more multiplications than a product with the factors, T·out·in +
    k·out·in compared with k·T·out·in. For an embedding, signs are drawn only for the tokens that occur, either once for
    the batch or position by position.

    Args:
        k: number of columns.
        seed: of the signs.

    Cost: k multiplications for every entry of a gradient. That is some 0.4·k training epochs of a multilayer
    perceptron, and far fewer of a network that uses its parameters at many positions. Memory: some 60 MB and the result
    (n, k).
    """

    k: int
    seed: int = 0

    def __post_init__(self) -> None:
        _at_least_one(k=self.k)

    def columns(self, parameters: Mapping[str, Tensor]) -> dict[str, slice]:
        """All, for every parameter."""
        return dict.fromkeys(parameters, slice(0, self.k))

    def onto(self, name: str, parameter: Tensor) -> Add:
        own_key, scale, width = key(self.seed, name), 1 / sqrt(self.k), max(1, DRAWN // self.k)

        def drawn(index: Tensor) -> Tensor:
            return signs(own_key, index, self.k, at_least_single(parameter.dtype))

        def add(gradient: Gradient, to: Tensor) -> None:
            sparse = gradient.scattered()
            if sparse is not None:
                numbers, index = sparse
                for row, entries, at in zip(to, numbers.to(to.dtype), index, strict=True):
                    for part, part_at in zip(entries.split(width), at.split(width), strict=True):
                        row.addmv_(drawn(part_at), part, alpha=scale)
                return
            for start, strip in gradient.strips(FORMED // len(gradient)):
                formed = joined(list(strip.pieces())).to(to.dtype)
                for first in range(0, formed.shape[1], width):
                    part = formed[:, first : first + width]
                    index = torch.arange(part.shape[1], device=to.device) + (start + first)
                    to.addmm_(part, drawn(index).T, alpha=scale)

        return add


@dataclass(frozen=True)
class Sparse:
    """Each entry added, with a random sign, to s of k columns, divided by √s: a sparse Johnson-Lindenstrauss matrix.

    An entry gets one column from each of s equal parts of the columns (Kane & Nelson 2014, block construction; for
    s = 1, the count sketch). Signs and columns are drawn anew for each batch. Gradients are formed for a few samples at
    a time, so that they stay in the cache; those of an embedding are formed only where few tokens occur.

    Args:
        k: number of columns.
        seed: of the signs and columns.
        s: columns to which each entry is added; must divide k.

    Cost: s additions for every entry of a gradient, whatever k is. Memory: some 40 MB and the result (n, k).
    """

    k: int
    seed: int = 0
    s: int = 1

    def __post_init__(self) -> None:
        _at_least_one(k=self.k, s=self.s)
        if self.k % self.s:
            raise InputError(f"k={self.k} does not fit s={self.s}: it must be a multiple of s")

    def columns(self, parameters: Mapping[str, Tensor]) -> dict[str, slice]:
        """All, for every parameter."""
        return dict.fromkeys(parameters, slice(0, self.k))

    def onto(self, name: str, parameter: Tensor) -> Add:
        own_key, scale = key(self.seed, name), 1 / sqrt(self.s)

        def drawn(index: Tensor) -> list[tuple[Tensor, Tensor]]:
            columns, negative = places(own_key, index, self.k, self.s)
            factors = (1 - 2 * negative.to(at_least_single(parameter.dtype))) * scale
            return list(zip(columns, factors, strict=True))

        def add(gradient: Gradient, to: Tensor) -> None:
            sparse = gradient.scattered()
            if sparse is not None:
                numbers, index = sparse
                for column, factor in drawn(index.flatten()):
                    to.scatter_add_(1, column.view_as(index), numbers * factor.view_as(index))
                return
            for start, strip in gradient.strips(PLACED // self.s):
                parts = drawn(torch.arange(strip.shape.numel(), device=to.device) + start)
                for piece, result in zip(strip.pieces(), to.split(strip.samples_at_a_time), strict=True):
                    for column, factor in parts:
                        result.index_add_(1, column, piece * factor)

        return add


@dataclass(frozen=True)
class Factored:
    """leftᵀ g right for each parameter's gradient g (out, in): random signs left (out, j) / √j, right (in, k) / √k.

    This is the low-rank projection of Choe et al. 2024 (LoGra). The gradient of a convolution's kernel is (out, in ×
    kernel), that of a vector (out, 1), that of an embedding (tokens, width). A side that is no longer than its
    projection is left as it is, so that short vectors are kept whole. Every parameter has columns of its own, in the
    order of the parameters.

    Outer products are projected by their factors with T(out·j + in·k + j·k) multiplications, unless forming the
    gradient takes fewer. Gradients that are no sum of outer products are formed.

    Args:
        j: length to which the output side is projected.
        k: length to which the input side is projected.
        seed: of the signs.

    Memory: the sides, Σ out·j + in·k numbers, and the result (n, Σ j·k).
    """

    j: int
    k: int
    seed: int = 0

    def __post_init__(self) -> None:
        _at_least_one(j=self.j, k=self.k)

    def columns(self, parameters: Mapping[str, Tensor]) -> dict[str, slice]:
        """Parameter after parameter."""
        widths = [min(out, self.j) * min(into, self.k) for out, into in map(_matrix, parameters.values())]
        ends = list(accumulate(widths))
        return {name: slice(*ends) for name, ends in zip(parameters, zip([0, *ends], ends, strict=False), strict=True)}

    def onto(self, name: str, parameter: Tensor) -> Add:
        out, into = _matrix(parameter)
        left = self._side(f"{name} left", out, self.j, parameter)
        right = self._side(f"{name} right", into, self.k, parameter)

        def add(gradient: Gradient, to: Tensor) -> None:
            to += gradient.compressed(left, right).flatten(1)

        return add

    def _side(self, name: str, length: int, k: int, like: Tensor) -> Tensor:
        """Random signs (length, k), or the identity."""
        if length <= k:
            return torch.eye(length, dtype=like.dtype, device=like.device)
        drawn = signs(key(self.seed, name), torch.arange(length, device=like.device), k, like.dtype)
        return drawn.T / sqrt(k)


class Projected:
    """Reduction to the projected gradients (n, k), in single precision at least, on the gradients' device.

    Args:
        projection: must be equal for all gradients that are compared.
        parameters: the selected parameters by name.
        prefix: put before the names on which the parameters' draws depend.
    """

    def __init__(self, projection: Projection, parameters: Mapping[str, Tensor], prefix: str = "") -> None:
        self.columns = projection.columns(parameters)
        self.add = {name: projection.onto(prefix + name, parameter) for name, parameter in parameters.items()}

    def begin(self, layout: Layout) -> None:
        width = max(columns.stop for columns in self.columns.values())
        self.kept = torch.zeros(layout.n, width, dtype=at_least_single(layout.dtype), device=layout.device)

    def take(self, rows: slice, name: str, gradient: Gradient) -> None:
        for summand in gradient.summands():
            self.add[name](summand, self.kept[rows, self.columns[name]])

    def result(self) -> Tensor:
        return self.kept


def _matrix(parameter: Tensor) -> tuple[int, int]:
    """The sides of a parameter as a matrix (out, in)."""
    shape = parameter.shape or Size((1,))
    return shape[0], shape[1:].numel()


def _at_least_one(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise InputError(f"{name}={number} does not fit: it must be at least 1")
