"""Reductions: what a pass over per-sample gradients leaves behind. Several can be made of one pass.

Each is told of every selected parameter's gradients for every batch, and keeps its result alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from .forms.gradient import Gradient
from .forms.outer import Outer

Result = TypeVar("Result", covariant=True)
Direction = dict[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """How many samples a pass runs over, and in which layer and where in a flat gradient each parameter is."""

    n: int
    layers: Mapping[str, int]
    spans: Mapping[str, tuple[int, int]]
    rank_one: Mapping[str, torch.Size]
    """Shapes of the parameters whose gradients are outer products, one for each sample."""
    device: torch.device
    dtype: torch.dtype


class Reduction(Protocol[Result]):
    """What is kept of the gradients."""

    def begin(self, layout: Layout) -> None:
        """Make room for the result."""

    def take(self, rows: slice, name: str, gradient: Gradient) -> None:
        """Take in one parameter's gradients for some rows."""

    def result(self) -> Result:
        """What the whole pass came to."""


@dataclass
class PerSample:
    """A number, or k numbers, of each sample and layer: sums over the layer's parameters, or their maximum.

    The result is float64 (n, layers), or (n, layers, k), on the CPU.
    """

    function: Callable[[str, Gradient], Tensor]
    maximum: bool = False
    k: int | None = None

    def begin(self, layout: Layout) -> None:
        self.layers = layout.layers
        shape = (max(layout.layers.values()) + 1, layout.n, *(() if self.k is None else (self.k,)))
        self.kept = torch.zeros(shape, dtype=torch.float64, device=layout.device)

    def take(self, rows: slice, name: str, gradient: Gradient) -> None:
        kept, own = self.kept[self.layers[name], rows], self.function(name, gradient)
        if self.maximum:
            torch.maximum(kept, own.double(), out=kept)
        else:
            kept += own

    def result(self) -> Tensor:
        return self.kept.transpose(0, 1).cpu()


def squared_l2() -> PerSample:
    """Squared L2 norms (n, layers)."""
    return PerSample(lambda _, gradient: gradient.squared_l2())


def l1() -> PerSample:
    """L1 norms (n, layers)."""
    return PerSample(lambda _, gradient: gradient.l1())


def largest() -> PerSample:
    """Maximum norms (n, layers)."""
    return PerSample(lambda _, gradient: gradient.largest(), maximum=True)


def inner(direction: Direction) -> PerSample:
    """Inner products (n, layers) with a direction given by parameter."""
    return PerSample(lambda name, gradient: gradient.inner(direction[name]))


def inners(directions: Sequence[Direction]) -> PerSample:
    """Inner products (n, layers, k) with each of k directions."""
    stacked = {name: torch.stack([one[name] for one in directions]) for name in directions[0]}
    return PerSample(lambda name, gradient: gradient.inner(stacked[name]), k=len(directions))


def cross(others: Mapping[str, Sequence[Gradient]], m: int) -> PerSample:
    """Inner products (n, layers, m) with each of m other gradients, given by parameter, one batch after another."""

    def products(name: str, gradient: Gradient) -> Tensor:
        return torch.cat([gradient.cross(other) for other in others[name]], 1) if name in others else torch.zeros(1)

    return PerSample(products, k=m)


def at_least_single(dtype: torch.dtype) -> torch.dtype:
    """The precision of sums: many batches in half precision would stop growing."""
    return torch.promote_types(dtype, torch.float32)


def summable(part: Tensor) -> Tensor:
    """In the precision of sums."""
    return part.to(at_least_single(part.dtype))


@dataclass
class WeightedSum:
    """Σ_i w_i g_i by parameter, for weights (n,), or (n, layers) where each layer has its own."""

    weights: Tensor
    total: Direction = field(default_factory=dict)

    def begin(self, layout: Layout) -> None:
        self.layout = layout
        self.weights = self.weights.to(layout.device, layout.dtype)

    def take(self, rows: slice, name: str, gradient: Gradient) -> None:
        weights = self.weights[rows] if self.weights.ndim == 1 else self.weights[rows, self.layout.layers[name]]
        part = summable(gradient.weighted_sum(weights))
        self.total[name] = self.total[name] + part if name in self.total else part

    def result(self) -> Direction:
        return {name: part.to(self.layout.dtype) for name, part in self.total.items()}


@dataclass
class Flat:
    """The gradients themselves, (n, p)."""

    def begin(self, layout: Layout) -> None:
        size = max(end for _, end in layout.spans.values())
        self.spans = layout.spans
        self.kept = torch.zeros(layout.n, size, dtype=layout.dtype, device=layout.device)

    def take(self, rows: slice, name: str, gradient: Gradient) -> None:
        self.kept[rows, slice(*self.spans[name])] = gradient.flat()

    def result(self) -> Tensor:
        return self.kept


@dataclass
class Coordinates:
    """Chosen numbers (n, K) of each flat gradient, by their index (K,) in it, in the gradients' own precision."""

    index: Tensor

    def begin(self, layout: Layout) -> None:
        self.columns: dict[str, tuple[Tensor, Tensor]] = {}
        index = self.index.to(layout.device)
        for name, (start, end) in layout.spans.items():
            columns = ((index >= start) & (index < end)).nonzero()[:, 0]
            if len(columns):
                self.columns[name] = columns, index[columns] - start
        self.kept = torch.zeros(layout.n, len(index), dtype=layout.dtype, device=layout.device)

    def take(self, rows: slice, name: str, gradient: Gradient) -> None:
        if name in self.columns:
            columns, own = self.columns[name]
            self.kept[rows, columns] = gradient.coordinates(own)

    def result(self) -> Tensor:
        return self.kept


class Narrowed:
    """Rows (n, width) in which each of chosen coordinates of the flat gradient is the product of two numbers.

    Of an outer product, the factors are kept where these are fewer than the coordinates; of all else, the coordinates.

    Args:
        index: the chosen coordinates (K,), sorted.
        layout: of the gradients that will be reduced.
    """

    def __init__(self, index: Tensor, layout: Layout) -> None:
        self.index, self.width = index, 1  # the first column holds ones
        self.blocks: dict[str, slice] = {}
        self.local: dict[str, Tensor] = {}
        left, right = [], []
        bounds = torch.searchsorted(index, torch.tensor(list(layout.spans.values())))
        for (name, (start, _)), (low, high) in zip(layout.spans.items(), bounds.tolist(), strict=True):
            own, before = index[low:high] - start, self.width
            out, into = layout.rank_one.get(name, (len(own), len(own)))
            if out + into < len(own):
                left.append(before + own // into)
                right.append(before + out + own % into)
                self.width += out + into
            else:
                left.append(before + torch.arange(len(own)))
                right.append(torch.zeros(len(own), dtype=torch.int64))
                self.local[name] = own.to(layout.device)
                self.width += len(own)
            self.blocks[name] = slice(before, self.width)
        self.left, self.right = torch.cat(left).to(layout.device), torch.cat(right).to(layout.device)

    def factors(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """Columns of the two factors of coordinates, of any shape, that are among the chosen."""
        at = torch.searchsorted(self.index, coordinates).to(self.left.device)
        return self.left[at], self.right[at]

    def begin(self, layout: Layout) -> None:
        self.kept = torch.zeros(layout.n, self.width, dtype=layout.dtype, device=layout.device)
        self.kept[:, 0] = 1

    def take(self, rows: slice, name: str, gradient: Gradient) -> None:
        block = self.blocks[name]
        if block.start == block.stop:
            return
        if name in self.local:
            self.kept[rows, block] = gradient.coordinates(self.local[name])
        elif isinstance(gradient, Outer):
            self.kept[rows, block] = torch.cat([gradient.left[:, 0], gradient.right[:, 0]], 1)

    def result(self) -> Tensor:
        return self.kept
