"""The selected parameters: the layers that own them, their places in a flat gradient, the model as their function."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import is_parametrized

from ...bench.errors import InputError
from ...bench.problem.checkpoint import Checkpoint, State
from ...bench.problem.evaluation import evaluating
from ...bench.problem.examples import Examples
from ...bench.problem.problem import Problem
from .capture import Plan, functionally
from .plan import plan_of
from .reduction import Direction

Layers = str | Sequence[str]


@dataclass(frozen=True)
class Selection:
    """The parameters of some layers of the problem's model at one checkpoint."""

    problem: Problem
    checkpoint: Checkpoint | None
    state: State
    """Every parameter and buffer of the model at the checkpoint."""
    modules: dict[str, nn.Module]
    """The selected layers by name."""
    prefix: str
    """With it before their names, parameters have their names in the user's model, if this model is a layer of it."""

    def __post_init__(self) -> None:
        # Asked for now, since inside `Problem.at` no parameter says whether it is frozen.
        for name, tensor in self.parameters.items():
            if tensor.is_complex():
                raise InputError(f"{name} is complex, and gradients here are real: write it as two real parameters")

    @cached_property
    def layers(self) -> list[list[str]]:
        """Names of each layer's own parameters, in the order of a flat gradient."""
        return parameter_names(self.problem.model, self.modules)

    @cached_property
    def layer_of(self) -> dict[str, int]:
        """The number of each parameter's layer."""
        return {name: number for number, layer in enumerate(self.layers) for name in layer}

    @cached_property
    def parameters(self) -> Direction:
        """The selected parameters' values, in the order of a flat gradient."""
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
        return plan_of(self.problem, self.state, list(self.parameters))

    def batches(self, examples: Examples, bytes_per_row: int = 0) -> Iterator[tuple[slice, Examples]]:
        """Consecutive batches of at most the batch size and of as many rows as the memory budget allows.

        Args:
            examples: the rows to go through.
            bytes_per_row: what a row takes in addition to the graph that computes its gradients.
        """
        return self.problem.batches(examples, self.plan.bytes_per_row + bytes_per_row)

    def direction(self, vector: Tensor) -> Direction:
        """A vector (p,) split into tensors of the parameters' shapes, by name."""
        pieces = vector.split([tensor.numel() for tensor in self.parameters.values()])
        shaped = zip(self.parameters.items(), pieces, strict=True)
        return {name: piece.reshape(tensor.shape).to(tensor) for (name, tensor), piece in shaped}

    def vector(self, direction: Direction) -> Tensor:
        """A direction as one vector (p,)."""
        return torch.cat([direction[name].flatten() for name in self.parameters])

    def outputs(self, parameters: Direction, batch: Examples) -> Tensor:
        """The model's outputs for a batch as a function of the selected parameters, for `torch.func`.

        Attention runs in plain matrix products, which can be differentiated twice.
        """
        with evaluating(self.problem.model), sdpa_kernel(SDPBackend.MATH):
            return batch.through(functionally(self.problem.model, {**self.state, **parameters}))

    def loss(self, parameters: Direction, batch: Examples) -> Tensor:
        """Summed loss of a batch as a function of the selected parameters, for `torch.func`."""
        return self.problem.losses(self.outputs(parameters, batch), batch.y).sum()


def select(problem: Problem, layers: Layers, state: State) -> dict[str, nn.Module]:
    """Modules that own the selected parameters, by name.

    Args:
        problem: its model's modules are searched.
        layers: `"last"` (the last module with parameters that the model calls), `"all"`, `"lora"`, or patterns of
            module names. The first two leave frozen modules out, unless all are frozen.
        state: the parameters and buffers with which the model is called to find the last module.

    Raises:
        InputError: if nothing matches, or if a batch normalisation without running statistics mixes the samples, which
            then have no gradients of their own.
    """
    for name, module in problem.model.named_modules():
        if isinstance(module, _BatchNorm) and module.running_mean is None:
            raise InputError(
                f"{name or 'the model'} normalises by its batch, so samples have no gradients of their own: "
                "give it running statistics (track_running_stats=True)"
            )
    within = {m for p in filter(is_parametrized, problem.model.modules()) for m in p.parametrizations.modules()}  # type: ignore[union-attr]
    named = {name: m for name, m in problem.model.named_modules() if m not in within and own_parameters(m)}
    if not named:
        raise InputError("the model has no parameters, and so no gradients: give Problem a model that can be trained")
    trained = {name: m for name, m in named.items() if any(map(_is_trained, own_parameters(m)))}
    owners = trained or named
    if layers == "all":
        return owners
    if layers == "last":
        name = last_called(problem, owners, state)
        return {name: owners[name]}
    patterns = ["*lora_*"] if layers == "lora" else [layers] if isinstance(layers, str) else list(layers)
    chosen = {name: m for name, m in named.items() if any(fnmatch(name, pattern) for pattern in patterns)}
    if not chosen:
        raise InputError(f"layers={layers!r} matches none of this model's layers: {', '.join(named)}")
    return chosen


def last_called(problem: Problem, owners: dict[str, nn.Module], state: State) -> str:
    """Name of the module that a forward pass of the first training row enters last."""
    called: list[str] = []
    hooks = [m.register_forward_pre_hook(lambda *_, name=name: called.append(name)) for name, m in owners.items()]
    try:
        with torch.no_grad(), problem.at(state) as model:
            problem.train[:1].to(problem.device).through(model)
    finally:
        for hook in hooks:
            hook.remove()
    return called[-1] if called else list(owners)[-1]


def parameter_names(model: nn.Module, modules: Mapping[str, nn.Module]) -> list[list[str]]:
    """Names in the model of each module's own parameters, in the order of a flat gradient.

    A parameter that several modules share belongs to the first of them; a module without parameters left is omitted.
    Frozen parameters of a module are left out, unless all of them are frozen.
    """
    left = {id(p): name for name, p in model.named_parameters()}
    layers = []
    for module in modules.values():
        own = [p for p in own_parameters(module) if id(p) in left]
        layers.append([left.pop(id(p)) for p in list(filter(_is_trained, own)) or own])
    return [names for names in layers if names]


def own_parameters(module: nn.Module) -> list[nn.Parameter]:
    """The parameters that a module holds itself, and those from which parametrisations compute its tensors."""
    inner = module.parametrizations.parameters() if is_parametrized(module) else ()  # type: ignore[union-attr]
    return [*module.parameters(recurse=False), *inner]


def _is_trained(parameter: nn.Parameter) -> bool:
    return parameter.requires_grad
