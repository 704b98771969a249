"""The last layer as a model of its own, whose inputs are the features that the rest of the model computes."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from ...bench.errors import InputError
from ...bench.problem.assembly import Assembly
from ...bench.problem.checkpoint import Checkpoint, State
from ...bench.problem.examples import Examples
from ...bench.problem.passes import Pass
from ...bench.problem.problem import Problem

FLOATS = 4
"""float64 numbers that methods hold at once, at most, for each number of a layer's inputs."""


class NoHeadError(Exception):
    """The layer is not the model's head: other computation follows it, or it is called more than once."""


@dataclass(frozen=True)
class Head:
    """A problem whose model is the last layer of another problem's model, and whose inputs are that layer's inputs."""

    problem: Problem
    prefix: str
    """The layer's name and a dot: with it before their names, parameters have their names in the whole model."""
    valid_rows: Callable[[], Examples]
    """The validation rows with features for inputs, computed at the first call."""


class FeaturePass(Pass):
    """A forward pass that collects the inputs of a layer.

    Args:
        problem, checkpoint, examples: as of any pass.
        layer: a module that the model calls with one tensor.
        device: where the collected inputs are kept.
        head: whether the layer must be the model's head: called once for each batch, with the model's outputs for its
            own. Otherwise the inputs of its last call are kept, whatever follows.

    Raises:
        NoHeadError: if `head` and the layer is no head.
        InputError: if not `head` and what methods compute from the inputs does not fit the memory budget.
    """

    def __init__(
        self,
        problem: Problem,
        checkpoint: Checkpoint | None,
        examples: Examples,
        layer: nn.Module,
        *,
        device: torch.device | str | None,
        head: bool,
    ) -> None:
        super().__init__(problem, checkpoint, examples, self.keep)
        self.layer, self.device, self.head = layer, device, head
        self.features = Assembly(len(examples))
        self.calls = 0

    @property
    def key(self) -> Hashable:
        """A head's features can come from any pass; others come from a pass that calls the layer as the model does.

        A gradient pass may call the layer again, by `vmap`, before it delivers the batch.
        """
        return super().key if self.head else ("features", super().key)

    @contextmanager
    def attached(self) -> Iterator[None]:
        """A hook on the layer, which remembers its last call."""

        def called(_: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any], output: Any) -> None:
            self.calls += 1
            self.inputs, self.output = _first(inputs, named).detach(), output
            self.version = output._version if self.head else 0

        hook = self.layer.register_forward_hook(called, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()

    def keep(self, rows: slice, outputs: Tensor) -> None:
        """Collect the inputs of the last call."""
        if self.head and not self._is_head(outputs):
            raise NoHeadError
        if not self.calls:
            raise InputError("the model does not call its last layer for every row, so rows have no features there")
        if not self.head and not len(self.features.whole):
            numbers = len(self.examples) * self.inputs[0].numel()
            self.problem.afford(8 * FLOATS * numbers, f"the {len(self.examples):,} rows' inputs of the last layer")
        self.features.add(rows, self.inputs.to(self.device))
        self.calls = 0
        del self.inputs, self.output  # with the output goes the graph of a batch, before the next batch is computed

    def _is_head(self, outputs: Tensor) -> bool:
        """Whether the layer was called once and its outputs, unchanged in place since then, are the model's."""
        if self.calls != 1:
            return False
        ours, theirs = ((x.data_ptr(), x.shape, x.stride()) for x in (self.output, outputs))
        return ours == theirs and bool(self.output._version == self.version)


def head_of(
    problem: Problem, checkpoint: Checkpoint | None, state: State, modules: Mapping[str, nn.Module]
) -> Head | None:
    """The selected layer as a model on its inputs, which one forward pass computes.

    Returns:
        None if more than one layer is selected, the layer is not a linear one at the end of the model or is used in
        another way too, or the features are above half the memory budget.
    """
    name, layer = next(iter(modules.items()))
    if len(modules) > 1 or not isinstance(layer, nn.Linear) or not name or _shares_parameters(problem.model, layer):
        return None
    key = "head", problem.model, name
    if key not in problem.known:
        problem.known[key] = _stands_alone(problem, state, name, layer)
    if not problem.known[key]:
        return None
    n = len(problem.train) + len(problem.valid or ())
    held = n * layer.in_features * layer.weight.itemsize
    if held > problem.memory_budget // 2:
        return None

    def on_features(examples: Examples) -> Examples:
        wanted = FeaturePass(problem, checkpoint, examples, layer, device=problem.device, head=True)
        wanted.run()
        return Examples(wanted.features.whole, examples.y.to(problem.device))

    try:
        train = on_features(problem.train)
    except NoHeadError:
        return None
    own = (*layer.named_parameters(), *layer.named_buffers())
    of_layer = Checkpoint({key: state[f"{name}.{key}"] for key, _ in own})
    left = max(1, problem.memory_budget - held)
    head = replace(problem, model=layer, train=train, checkpoints=(of_layer,), memory_budget=left)
    return Head(head, f"{name}.", cache(lambda: on_features(problem.validation)))


def _stands_alone(problem: Problem, state: State, name: str, layer: nn.Module) -> bool:
    """Whether a layer's inputs do not depend on its parameters, and these inputs alone give its outputs.

    The weight of a tied autoencoder, or hooks that change what goes in, would make another function of the parameters.
    """
    own = [f"{name}.{key}" for key, _ in layer.named_parameters()]
    leaves = {key: state[key].detach().requires_grad_() for key in own}
    seen: list[tuple[Tensor, Tensor]] = []
    hook = layer.register_forward_hook(
        lambda _, inputs, named, output: seen.append((_first(inputs, named), output)), with_kwargs=True
    )
    with torch.enable_grad(), problem.at({**state, **leaves}) as model:
        try:
            problem.train[:1].to(problem.device).through(model)
        finally:
            hook.remove()
        if len(seen) != 1:
            return False
        inputs, output = seen[0]
        return not inputs.requires_grad and torch.equal(layer(inputs), output)


def _first(inputs: tuple[Any, ...], named: Mapping[str, Any]) -> Tensor:
    """The first of the inputs of a module."""
    first: Tensor = next(iter((*inputs, *named.values())))
    return first


def _shares_parameters(model: nn.Module, layer: nn.Module) -> bool:
    """Whether another module of the model owns a parameter of the layer."""
    others = [p for m in model.modules() if m is not layer for p in m.parameters(recurse=False)]
    return any(p is q for p in others for q in layer.parameters(recurse=False))
