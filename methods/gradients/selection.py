"""Which layers' gradients a method sees."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ...bench.errors import InputError
from ...bench.problem.checkpoint import State
from ...bench.problem.problem import Problem

Layers = str | Sequence[str]


def select(problem: Problem, layers: Layers, state: State) -> dict[str, nn.Module]:
    """Modules that own the selected parameters, by name.

    Args:
        layers: `"last"` (the last such module that the model calls), `"all"`, `"lora"`, or patterns of module names.

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
    owners = {
        name: m for name, m in problem.model.named_modules() if next(m.parameters(recurse=False), None) is not None
    }
    if not owners:
        raise InputError("the model has no parameters, so there are no gradients to look at")
    if layers == "all":
        return owners
    if layers == "last":
        name = last_called(problem, owners, state)
        return {name: owners[name]}
    patterns = ["*lora_*"] if layers == "lora" else [layers] if isinstance(layers, str) else list(layers)
    chosen = {name: m for name, m in owners.items() if any(fnmatch(name, pattern) for pattern in patterns)}
    if not chosen:
        raise InputError(f"layers={layers!r} matches none of this model's layers: {', '.join(owners)}")
    return chosen


def last_called(problem: Problem, owners: dict[str, nn.Module], state: State) -> str:
    """Name of the module that a forward pass of one row enters last."""
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
    """Names in the model of each layer's own parameters, each once, in the order in which gradients are laid out."""
    left = {id(p): name for name, p in model.named_parameters()}
    layers = [[left.pop(id(p)) for p in m.parameters(recurse=False) if id(p) in left] for m in modules.values()]
    return [names for names in layers if names]
