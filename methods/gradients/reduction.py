"""Reductions of the stream of per-sample gradients to a small result. Several reductions can share one pass.

A reduction gets the gradients of every selected parameter for every batch, and keeps only its result.
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
"""A vector in parameter space: a tensor of each selected parameter's shape, by name."""


@dataclass(frozen=True)
class Layout:
    """The number of samples in a pass, and each parameter's layer and place in a flat gradient."""

    n: int
    layers: Mapping[str, int]
    """The number of each parameter's layer."""
    spans: Mapping[str, tuple[int, int]]
    """Where each parameter begins and ends in a flat gradient."""
    rank_one: Mapping[str, torch.Size]
    """Shapes of the parameters for which each sample's gradient is a single outer product."""
    device: torch.device
    dtype: torch.dtype


class Reduction(Protocol[Result]):
    """Accumulates a result while a pass hands it the gradients."""

    def begin(self, layout: Layout) -> None:
        """Allocate the result."""

    def take(self, rows: slice, name: str, gradient: Gradient) -> None:
        """Add one parameter's gradients for some rows."""

    def result(self) -> Result:
        """The result of the whole pass."""


@dataclass
class PerSample:
    """One number, or k numbers, for each sample and layer: the sum over the layer's parameters, or their maximum.

    The result is float64 (n, layers), or (n, layers, k), on the CPU.

    Args:
        function: a parameter's name and its gradients to (B,) or (B, k).
        maximum: whether to take the maximum over a layer's parameters, and not the sum.
        k: numbers for each sample and layer; None for one number without an axis.
    """

    function: Callable[[str, Gradient], Tensor]
    maximum: bool = False
    k: int | None = None

    def begin(self, layout: Layout) -> None:
        self.layers = layout.layers
        shape = (max(layout.layers.values()) + 1, layout.n, *(() if self.k is None else (self.k,)))
        self.kept = torch.zeros(shape, dtype=torch.float64, device=layout.device)

    def take(self, rows: slice, name: str, gradient: Gradient) -> None:
        kept, values = self.kept[self.layers[name], rows], self.function(name, gradient)
        if self.maximum:
            torch.maximum(kept, values.double(), out=kept)
        else:
            kept += values

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
    """Inner products (n, layers) with a direction."""
    return PerSample(lambda name, gradient: gradient.inner(direction[name]))


def inners(directions: Sequence[Direction]) -> PerSample:
    """Inner products (n, layers, k) with each of k directions."""
    stacked = {name: torch.stack([direction[name] for direction in directions]) for name in directions[0]}
    return PerSample(lambda name, gradient: gradient.inner(stacked[name]), k=len(directions))


def cross(others: Mapping[str, Sequence[Gradient]], m: int) -> PerSample:
    """Inner products (n, layers, m) with each of m other gradients: for each parameter, their batches in order."""

    def products(name: str, gradient: Gradient) -> Tensor:
        return torch.cat([gradient.cross(other) for other in others[name]], 1) if name in others else torch.zeros(1)

    return PerSample(products, k=m)


def at_least_single(dtype: torch.dtype) -> torch.dtype:
    """The dtype in which batches are summed: a sum in half precision would stop growing after many batches."""
    return torch.promote_types(dtype, torch.float32)


def summable(part: Tensor) -> Tensor:
    """A tensor in the dtype in which batches are summed."""
    return part.to(at_least_single(part.dtype))


@dataclass
class WeightedSum:
    """Σ_i w_i g_i by parameter, for weights (n,), or (n, layers) where each layer has weights of its own."""

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
    """The flat gradients themselves, (n, p)."""

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
    """Selected entries (n, K) of the flat gradients, by their indices (K,), in the gradients' own dtype."""

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
            columns, index = self.columns[name]
            self.kept[rows, columns] = gradient.coordinates(index)

    def result(self) -> Tensor:
        return self.kept


class Narrowed:
    """Rows (n, width) that hold selected entries of the flat gradients, each entry as the product of two columns.

    For a parameter whose gradient is a single outer product, a row holds the two factors if these are shorter than the
    list of its selected entries. Otherwise it holds the entries, and their second factor is a column of ones.

    Args:
        index: indices (K,) of the selected entries, sorted.
        layout: of the gradients that will be reduced.
    """

    def __init__(self, index: Tensor, layout: Layout) -> None:
        self.index, self.width = index, 1  # the first column holds ones
        self.blocks: dict[str, slice] = {}
        self.local: dict[str, Tensor] = {}
        left, right = [], []
        bounds = torch.searchsorted(index, torch.tensor(list(layout.spans.values())))
        for (name, (start, _)), (low, high) in zip(layout.spans.items(), bounds.tolist(), strict=True):
            local, before = index[low:high] - start, self.width
            out, into = layout.rank_one.get(name, (len(local), len(local)))
            if out + into < len(local):
                left.append(before + local // into)
                right.append(before + out + local % into)
                self.width += out + into
            else:
                left.append(before + torch.arange(len(local)))
                right.append(torch.zeros(len(local), dtype=torch.int64))
                self.local[name] = local.to(layout.device)
                self.width += len(local)
            self.blocks[name] = slice(before, self.width)
        self.left, self.right = torch.cat(left).to(layout.device), torch.cat(right).to(layout.device)

    def factors(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """For selected entries, given by their indices in a tensor of any shape, the columns of their two factors."""
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
