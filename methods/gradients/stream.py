"""Reductions over the stream of per-sample gradients, which is computed anew for each pass and never kept whole."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from ...bench.instruments.stopwatch import phase
from ...bench.problem.assembly import assembled
from ...bench.problem.examples import Examples
from . import reduction
from .capture import Objective, Take, capture
from .forms.gradient import Gradient
from .forward_mode import derivatives, suits
from .passes import GradientPass
from .projection import Projected, Projection
from .reduction import Direction, Layout, Reduction, at_least_single
from .selection import Selection

Result = TypeVar("Result")


@dataclass(frozen=True)
class Gradients:
    """The loss gradients of some examples with respect to the selected parameters.

    A method of this class makes one pass over the examples, unless it says otherwise.
    """

    space: Selection
    examples: Examples

    def __len__(self) -> int:
        return len(self.examples)

    def reduce(self, *reductions: Reduction[Any], objective: Objective | None = None) -> tuple[Any, ...]:
        """The results of several reductions, all from one pass.

        Args:
            reductions: each gets the gradients of every batch.
            objective: differentiated in place of the loss; maps a batch's outputs and labels to (B,).
        """
        layout = self.layout
        for each in reductions:
            each.begin(layout)

        def take(rows: slice, name: str, gradient: Gradient) -> None:
            for each in reductions:
                each.take(rows, name, gradient)

        GradientPass(self.space, self.examples, take, objective).run()
        return tuple(each.result() for each in reductions)

    def squared_l2(self) -> Tensor:
        """Squared L2 norms (n,), float64."""
        return self.squared_l2_by_layer().sum(1)

    def squared_l2_by_layer(self) -> Tensor:
        """Squared L2 norms (n, layers), float64."""
        return self._reduced(reduction.squared_l2())

    def l1(self) -> Tensor:
        """L1 norms (n,), float64."""
        return self._reduced(reduction.l1()).sum(1)

    def largest(self) -> Tensor:
        """Maximum norms (n,), float64."""
        return self._reduced(reduction.largest()).amax(1)

    def inner(self, direction: Direction) -> Tensor:
        """Inner products (n,) with a direction, float64; in forward mode where that costs less."""
        if suits(self.space):
            return derivatives(self.space, self.examples, direction)
        return self.inner_by_layer(direction).sum(1)

    def inner_by_layer(self, direction: Direction) -> Tensor:
        """Inner products (n, layers) with a direction, float64."""
        return self._reduced(reduction.inner(direction))

    def inners(self, directions: list[Direction]) -> Tensor:
        """Inner products (n, k) with each of k directions, float64."""
        return self._reduced(reduction.inners(directions)).sum(1)

    def weighted_sum(self, weights: Tensor) -> Direction:
        """Σ_i w_i g_i by parameter, with weights (n,), or (n, layers) where each layer has weights of its own."""
        total = self._reduced(reduction.WeightedSum(weights))
        return {name: total.get(name, torch.zeros_like(value)) for name, value in self.space.parameters.items()}

    def mean(self) -> Direction:
        """The mean gradient, by parameter."""
        return self.weighted_sum(torch.full((len(self),), 1 / len(self), dtype=torch.float64))

    def coordinates(self, index: Tensor) -> Tensor:
        """Selected entries (n, K) of the flat gradients, by their indices (K,)."""
        return self._reduced(reduction.Coordinates(index))

    def projected(self, projection: Projection, objective: Objective | None = None) -> Tensor:
        """Random projections (n, k) of the gradients of the loss, or of another objective, on the problem's device.

        Raises:
            InputError: if these do not fit the memory budget.
        """
        reduced = Projected(projection, self.space.parameters, self.space.prefix)
        numbers = len(self) * max(columns.stop for columns in reduced.columns.values())
        self._afford(numbers * at_least_single(self.layout.dtype).itemsize, "the projected gradients (n, k)")
        kept: Tensor = self.reduce(reduced, objective=objective)[0]
        return kept

    def cross(self, other: "Gradients") -> Tensor:
        """Inner products (n, m) of these gradients with m others, float64.

        One pass for as many of the others as a quarter of the memory budget holds, as their gradients' factors.
        """
        step = max(1, self.space.problem.memory_budget // 4 // max(1, other.space.plan.bytes_per_row))
        blocks = []
        for start in range(0, len(other), step):
            some = other.examples[start : start + step]
            held: dict[str, list[Gradient]] = defaultdict(list)
            for _, batch in other.space.batches(some):
                other._capture(batch, lambda _, name, gradient, held=held: held[name].append(gradient))  # type: ignore[misc]
            blocks.append(self._reduced(reduction.cross(held, len(some))).sum(1))
        return torch.cat(blocks, 1)

    def stream(
        self, make: Callable[[], Reduction[Result]], objective: Objective | None = None, bytes_per_row: int = 0
    ) -> Iterator[tuple[slice, Result]]:
        """Rows and their reduction, batch by batch.

        Args:
            make: makes the reduction of one batch.
            objective: differentiated in place of the loss; maps a batch's outputs and labels to (B,).
            bytes_per_row: memory for a row's result and for what the caller computes from it, which counts in the
                choice of the batch size.
        """
        for rows, batch in self.space.batches(self.examples, bytes_per_row):
            of_batch = make()
            of_batch.begin(replace(self.layout, n=len(batch)))
            self._capture(batch, of_batch.take, objective)
            yield rows, of_batch.result()

    def flat(self, objective: Objective | None = None, copies: int = 1) -> Iterator[tuple[slice, Tensor]]:
        """Rows and their flat gradients (B, p), batch by batch.

        Args:
            objective: differentiated in place of the loss; maps a batch's outputs and labels to (B,).
            copies: how many float64 matrices (B, p) the caller holds at once, which counts in the choice of the batch
                size.
        """
        return self.stream(reduction.Flat, objective, 8 * copies * self.space.size)

    def of(self, rows: Tensor) -> "Gradients":
        """The gradients of the rows with these indices."""
        return Gradients(self.space, self.examples[rows])

    def matrix(self, dtype: torch.dtype | None = None, beside: int = 0) -> Tensor:
        """All gradients (n, p), on the CPU: the only result here that holds n × p numbers.

        Args:
            dtype: of the result; default: the gradients' own.
            beside: bytes that the caller takes at the same time, to compute something from the result.

        Raises:
            InputError: if all of this does not fit the memory budget.
        """
        dtype = dtype or self.layout.dtype
        held = len(self) * self.space.size * dtype.itemsize
        self._afford(held + beside, "the gradients (n, p)", 8 * self.space.size)
        return assembled(len(self), ((rows, part.cpu().to(dtype)) for rows, part in self.flat()))

    def _afford(self, held: int, what: str, bytes_per_row: int = 0) -> None:
        """Refuse a result that does not fit the memory budget beside a batch of the pass that computes it."""
        space = self.space
        space.problem.afford(held + space.problem.batch_bytes(space.plan.bytes_per_row + bytes_per_row), what)

    def _reduced(self, single: Reduction[Result]) -> Result:
        result: Result = self.reduce(single)[0]
        return result

    def _capture(self, batch: Examples, take: Take, objective: Objective | None = None) -> None:
        space = self.space
        with phase("gradients"), space.problem.at(space.state) as model:
            capture(model, space.state, space.plan, batch, objective or space.problem.losses, take)

    @property
    def layout(self) -> Layout:
        """The number of rows, and each parameter's layer and place in a flat gradient."""
        space = self.space
        first = next(iter(space.parameters.values()))
        rank_one = {name: space.parameters[name].shape for name in space.plan.rank_one}
        return Layout(len(self), space.layer_of, space.spans, rank_one, first.device, first.dtype)
