"""The space in which a method sees gradients: the selected layers of the model at one checkpoint."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ...bench.instruments.stopwatch import phase
from ...bench.problem.assembly import Assembly
from ...bench.problem.checkpoint import Checkpoint, State
from ...bench.problem.examples import Examples
from ...bench.problem.passes import Pass
from ...bench.problem.problem import Problem, evaluating
from .capture import Plan, functionally
from .plan import planned
from .reduction import Direction
from .selection import Layers, parameter_names, select
from .stream import Gradients

HEAD_NUMBERS = 2**20  # features that a pass over the last layer alone takes at a time: 4 MiB in float32


class NoHeadError(Exception):
    """The last layer's outputs are not the model's, or there are too many features to keep."""


@dataclass(frozen=True)
class GradientSpace:
    """Gradients of the training and validation rows with respect to the selected layers at one checkpoint."""

    problem: Problem
    checkpoint: Checkpoint | None
    state: State
    modules: dict[str, nn.Module]
    valid_rows: Callable[[], Examples]
    prefix: str = ""
    """Of the parameters' names in the problem's own model, where this space's model is a layer of that."""

    @property
    def train(self) -> Gradients:
        """The training rows' gradients."""
        return Gradients(self, self.problem.train)

    def of(self, examples: Examples) -> Gradients:
        """The gradients of other rows; their inputs are this space's own."""
        return Gradients(self, examples)

    @property
    def valid(self) -> Gradients:
        """The validation rows' gradients."""
        return Gradients(self, self.valid_rows())

    @cached_property
    def layers(self) -> list[list[str]]:
        """Names of each layer's own parameters, in the order in which flat gradients are laid out."""
        return parameter_names(self.problem.model, self.modules)

    @cached_property
    def parameters(self) -> Direction:
        """The selected parameters' values, in the order in which flat gradients are laid out."""
        return {name: self.state[name] for layer in self.layers for name in layer}

    @cached_property
    def spans(self) -> dict[str, tuple[int, int]]:
        """Where each parameter begins and ends in a flat gradient."""
        ends = list(accumulate(tensor.numel() for tensor in self.parameters.values()))
        return dict(zip(self.parameters, zip([0, *ends], ends, strict=False), strict=True))

    @property
    def size(self) -> int:
        """Number of selected parameters, p."""
        return sum(tensor.numel() for tensor in self.parameters.values())

    @property
    def layer_sizes(self) -> Tensor:
        """Number of parameters of each layer, (layers,)."""
        return torch.tensor([sum(self.state[name].numel() for name in layer) for layer in self.layers])

    @cached_property
    def plan(self) -> Plan:
        """How the gradients are captured."""
        with phase("gradients"):
            return planned(self.problem, self.state, list(self.parameters))

    def batches(self, examples: Examples, bytes_per_row: int = 0) -> Iterator[tuple[slice, Examples]]:
        """Batches of as many rows as the memory budget allows, at most the batch size.

        Args:
            examples: to be cut up.
            bytes_per_row: what a row takes beside the graph that computes its gradients.
        """
        return self.problem.batches(examples, self.plan.bytes_per_row + bytes_per_row)

    def direction(self, vector: Tensor) -> Direction:
        """A vector (p,) cut up by parameter."""
        pieces = vector.split([tensor.numel() for tensor in self.parameters.values()])
        shaped = zip(self.parameters.items(), pieces, strict=True)
        return {name: piece.reshape(tensor.shape).to(tensor) for (name, tensor), piece in shaped}

    def vector(self, direction: Direction) -> Tensor:
        """A direction as one vector (p,)."""
        return torch.cat([direction[name].flatten() for name in self.parameters])

    def outputs(self, parameters: Direction, batch: Examples) -> Tensor:
        """The model's outputs for a batch as a function of the selected parameters, for `torch.func`.

        Attention is computed by its parts, which can be differentiated twice.
        """
        with evaluating(self.problem.model), sdpa_kernel(SDPBackend.MATH):
            return batch.through(functionally(self.problem.model, {**self.state, **parameters}))

    def loss(self, parameters: Direction, batch: Examples) -> Tensor:
        """Summed loss of a batch as a function of the selected parameters, for `torch.func`."""
        return self.problem.losses(self.outputs(parameters, batch), batch.y).sum()


class FeaturePass(Pass):
    """A forward pass that keeps the inputs of a layer whose outputs are the model's."""

    def __init__(
        self, problem: Problem, checkpoint: Checkpoint | None, examples: Examples, layer: nn.Module, kept: Assembly
    ) -> None:
        super().__init__(problem, checkpoint, examples, self.keep)
        self.layer, self.kept = layer, kept
        self.seen: list[tuple[Tensor, Tensor, int]] = []

    @contextmanager
    def attached(self) -> Iterator[None]:
        """With a hook on the layer."""
        hook = self.layer.register_forward_hook(lambda _, x, y: self.seen.append((x[0], y, y._version)))
        try:
            yield
        finally:
            hook.remove()

    def keep(self, rows: slice, outputs: Tensor) -> None:
        """Keep the batch's inputs, if the layer was called once and nothing was done to its outputs."""
        (x, y, version), *more = self.seen
        self.seen.clear()
        if more or y.data_ptr() != outputs.data_ptr() or y.shape != outputs.shape or y._version != version:
            raise NoHeadError
        self.kept.add(rows, x.detach())


def gradient_space(problem: Problem, layers: Layers = "last", checkpoint: Checkpoint | None = None) -> GradientSpace:
    """The gradients of the selected layers at a checkpoint, by default of the model as it stands.

    Where the last layer alone is selected and its outputs are the model's, the rest of the model only makes features:
    these are computed once, in one forward pass, and the last layer becomes a model on them.

    Raises:
        InputError: if `layers` matches nothing.
    """
    state = problem.state_at(checkpoint)
    modules = select(problem, layers, state)
    if len(modules) == 1:
        name, layer = next(iter(modules.items()))
        if isinstance(layer, nn.Linear) and name and not _tied(problem.model, layer):
            with suppress(NoHeadError):
                return _on_features(problem, checkpoint, state, name, layer)
    return GradientSpace(problem, checkpoint, state, modules, lambda: problem.validation)


def _on_features(
    problem: Problem, checkpoint: Checkpoint | None, state: State, name: str, layer: nn.Linear
) -> GradientSpace:
    """The problem with features for inputs and the last layer for a model, if that is all the model does after it."""
    n = len(problem.train) + len(problem.valid or ())
    if n * layer.in_features * layer.weight.itemsize > problem.memory_budget // 2:
        raise NoHeadError

    def features(examples: Examples) -> Examples:
        kept = Assembly(len(examples))
        FeaturePass(problem, checkpoint, examples, layer, kept).run()
        return Examples(kept.whole, examples.y.to(problem.device))

    own = {key: state[f"{name}.{key}"] for key, _ in layer.named_parameters()}
    rows = max(problem.batch_size, HEAD_NUMBERS // layer.in_features)
    head = replace(problem, model=layer, train=features(problem.train), checkpoints=(Checkpoint(own),), batch_size=rows)
    valid = cache(lambda: features(problem.validation))
    return GradientSpace(head, head.checkpoints[0], own, {"": layer}, valid, f"{name}.")


def _tied(model: nn.Module, layer: nn.Module) -> bool:
    owners = [p for m in model.modules() if m is not layer for p in m.parameters(recurse=False)]
    return any(p is q for p in owners for q in layer.parameters(recurse=False))
