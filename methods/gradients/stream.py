"""Reductions over the stream of per-sample gradients; none but `matrix` holds more than a batch and its result."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...bench.errors import FunctionalFallback
from ...bench.phases import phase
from ...bench.problem import Examples, Problem, State, assembled
from .capture import NoClosedFormError, Objective, by_functional, by_hooks
from .layer import LayerGradient

Direction = dict[str, Tensor]
FALLBACK_NUMBERS = 2**26  # per-sample gradient entries that the fallback may form at once: 256 MiB in float32


@dataclass(frozen=True)
class Gradients:
    """The loss gradients of some examples for the selected layers, computed anew in each pass over them."""

    problem: Problem
    state: State
    modules: Mapping[str, nn.Module]
    examples: Examples

    def __len__(self) -> int:
        return len(self.examples)

    def batches(self, objective: Objective | None = None) -> Iterator[tuple[slice, list[LayerGradient]]]:
        """Rows and layer gradients, batch by batch, of the loss or of another objective (outputs, labels -> (B,))."""
        objective = objective or self.problem.losses
        for rows, batch in self.problem.batches(self.examples):
            try:
                with phase("gradients"):
                    layers = by_hooks(self.problem, self.state, self.modules, batch, objective)
            except NoClosedFormError as reason:
                warnings.warn(f"gradients by torch.func, since {reason}", FunctionalFallback, stacklevel=2)
                break
            yield rows, layers
        else:
            return
        numbers = sum(p.numel() for m in self.modules.values() for p in m.parameters(recurse=False))
        step = max(1, FALLBACK_NUMBERS // numbers)
        for start in range(rows.start, len(self), step):
            rows = slice(start, start + step)
            piece = self.examples[rows]
            batch = Examples(piece.x.to(self.problem.device), piece.y.to(self.problem.device))
            with phase("gradients"):
                layers = by_functional(self.problem, self.state, self.modules, batch, objective)
            yield rows, layers

    def squared_l2(self) -> Tensor:
        """Squared L2 norms (n,), float64."""
        return self.squared_l2_by_layer().sum(1)

    def squared_l2_by_layer(self) -> Tensor:
        """Squared L2 norms (n, layers), float64."""
        return self._by_layer(lambda layer: layer.squared_l2())

    def l1(self) -> Tensor:
        """L1 norms (n,), float64."""
        return self._by_layer(lambda layer: layer.l1()).sum(1)

    def inner(self, direction: Direction) -> Tensor:
        """Inner products (n,) with a direction given by parameter, float64."""
        return self.inner_by_layer(direction).sum(1)

    def inner_by_layer(self, direction: Direction) -> Tensor:
        """Inner products (n, layers) with a direction given by parameter, float64."""
        return self._by_layer(lambda layer: layer.inner(direction))

    def weighted_sum(self, weights: Tensor) -> Direction:
        """Σ_i w_i g_i, by parameter; `weights` is (n,), or (n, layers) for weights of each layer's own."""
        total: Direction = {}
        for rows, layers in self.batches():
            for column, layer in enumerate(layers):
                own = weights[rows] if weights.ndim == 1 else weights[rows, column]
                for name, part in layer.weighted_sum(own.to(self.problem.device, _dtype(self.state))).items():
                    total[name] = total[name] + part if name in total else part
        return total

    def mean(self) -> Direction:
        """The mean gradient, by parameter."""
        return self.weighted_sum(torch.full((len(self),), 1 / len(self), dtype=torch.float64))

    def flat(self, objective: Objective | None = None) -> Iterator[tuple[slice, Tensor]]:
        """Rows and the gradients themselves (B, p), batch by batch."""
        for rows, layers in self.batches(objective):
            yield rows, torch.cat([layer.flat() for layer in layers], 1)

    def matrix(self) -> Tensor:
        """All gradients (n, p), on the CPU: the one reduction whose memory grows with n × p."""
        return assembled(len(self), ((rows, part.cpu()) for rows, part in self.flat()))

    def _by_layer(self, norm: Callable[[LayerGradient], Tensor]) -> Tensor:
        norms = ((rows, torch.stack([norm(layer).double() for layer in layers], 1)) for rows, layers in self.batches())
        return assembled(len(self), ((rows, norm.cpu()) for rows, norm in norms))


def _dtype(state: State) -> torch.dtype:
    return next(t.dtype for t in state.values() if t.is_floating_point())
