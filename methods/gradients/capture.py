"""One batched forward and backward pass that captures each layer's inputs and output gradients.

Only output gradients are asked of autograd, so no weight gradient is ever formed, and the part of the model before the
first selected layer runs without a graph.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F

from ...bench.errors import InputError
from ...bench.problem import Examples, Problem, State, evaluating
from .layer import Explicit, Factored, LayerGradient

Objective = Callable[[Tensor, Tensor], Tensor]


class NoClosedFormError(Exception):
    """A selected layer's gradients have no closed form here: `by_functional` is the way."""


@dataclass(frozen=True)
class Captured:
    """What one call of a layer left behind: its input and, after the backward pass, its output's gradient."""

    x: Tensor
    version: int
    outputs: torch.Size


def by_hooks(
    problem: Problem, state: State, modules: Mapping[str, nn.Module], batch: Examples, objective: Objective
) -> list[LayerGradient]:
    """Implicit gradients of the objective (outputs, labels -> (B,)) for each sample, layer by layer.

    Raises:
        NoClosedFormError: if a layer is of another kind, shares its parameters, or is not called exactly once with the
            samples first.
    """
    captured: dict[str, Captured] = {}
    deltas: dict[str, Tensor] = {}
    anchor = torch.zeros((), requires_grad=True, device=batch.x.device)

    def record(name: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor]:
        def hook(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
            if name in captured:
                raise NoClosedFormError(f"{name} is called several times in one forward pass")
            captured[name] = Captured(args[0], args[0]._version, output.shape)
            # The first layers' outputs do not require grad, since no parameter does: the anchor makes them.
            output = output if output.requires_grad else output + anchor
            output.register_hook(lambda delta: deltas.__setitem__(name, delta))
            return output

        return hook

    owned = Counter(id(p) for m in problem.model.modules() for p in m.parameters(recurse=False))
    for name, module in modules.items():
        if type(module) not in ALGEBRA:
            raise NoClosedFormError(f"{name or 'the model'} is a {type(module).__name__}")
        if any(owned[id(p)] > 1 for p in module.parameters(recurse=False)):
            raise NoClosedFormError(f"{name} shares its parameters with another module")
    hooks = [module.register_forward_hook(record(name)) for name, module in modules.items()]
    try:
        with torch.enable_grad():
            total = objective(problem.forward(batch.x, state), batch.y).sum()
            if total.requires_grad:
                torch.autograd.grad(total, anchor, allow_unused=True)
    finally:
        for hook in hooks:
            hook.remove()
    return [_closed_form(name, module, captured, deltas, state, len(batch)) for name, module in modules.items()]


def by_functional(
    problem: Problem, state: State, modules: Mapping[str, nn.Module], batch: Examples, objective: Objective
) -> list[LayerGradient]:
    """The same gradients by `vmap(grad)`, formed one by one: slower, for every module there is."""
    layers = parameter_names(problem.model, modules)
    chosen = {name: state[name] for layer in layers for name in layer}
    fixed = {name: tensor for name, tensor in state.items() if name not in chosen}

    def one(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        outputs = functional_call(problem.model, {**fixed, **parameters}, (x[None],))
        return objective(outputs, y[None]).sum()

    with evaluating(problem.model):
        gradients = vmap(grad(one), in_dims=(None, 0, 0))(chosen, batch.x, batch.y)
    return [Explicit({name: gradients[name] for name in layer}) for layer in layers]


def parameter_names(model: nn.Module, modules: Mapping[str, nn.Module]) -> list[list[str]]:
    """Names in the model of each layer's own parameters, each once, in the order in which gradients are laid out."""
    left = {id(p): name for name, p in model.named_parameters()}
    layers = [[left.pop(id(p)) for p in m.parameters(recurse=False) if id(p) in left] for m in modules.values()]
    return [names for names in layers if names]


def _closed_form(
    name: str,
    module: nn.Module,
    captured: Mapping[str, Captured],
    deltas: Mapping[str, Tensor],
    state: State,
    size: int,
) -> LayerGradient:
    if name not in captured:
        raise NoClosedFormError(f"{name} is not called as a module")
    seen = captured[name]
    if seen.x._version != seen.version:
        raise InputError(
            f"the input of {name} is overwritten in place, so its gradients are lost: do that out of place"
        )
    if seen.x.ndim < 2 or seen.x.shape[0] != size:
        raise NoClosedFormError(f"the input of {name} does not have the samples first")
    delta = deltas.get(name, seen.x.new_zeros(seen.outputs))
    return ALGEBRA[type(module)](name, module, seen.x.detach(), delta, state)


def _linear(name: str, module: nn.Linear, x: Tensor, delta: Tensor, state: State) -> LayerGradient:
    a, d = x.reshape(len(x), -1, x.shape[-1]), delta.reshape(len(x), -1, delta.shape[-1])
    return Factored(a, d, f"{name}.weight".lstrip("."), module.weight.shape, _bias(name, module))


def _conv2d(name: str, module: nn.Conv2d, x: Tensor, delta: Tensor, state: State) -> LayerGradient:
    if module.groups != 1 or module.padding_mode != "zeros" or isinstance(module.padding, str):
        raise NoClosedFormError(f"{name} is a Conv2d with groups or unusual padding")
    patches = F.unfold(x, module.kernel_size, module.dilation, module.padding, module.stride)
    return Factored(patches.mT, delta.flatten(2).mT, f"{name}.weight", module.weight.shape, _bias(name, module))


def _batch_norm(name: str, module: nn.BatchNorm2d, x: Tensor, delta: Tensor, state: State) -> LayerGradient:
    if not module.track_running_stats:
        raise NoClosedFormError(f"{name} normalises by its batch, which mixes the samples")
    mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    return _affine(name, module, F.batch_norm(x, mean, var, eps=module.eps), delta, samples_and_channels=True)


def _group_norm(name: str, module: nn.GroupNorm, x: Tensor, delta: Tensor, state: State) -> LayerGradient:
    return _affine(name, module, F.group_norm(x, module.num_groups, eps=module.eps), delta, samples_and_channels=True)


def _layer_norm(name: str, module: nn.LayerNorm, x: Tensor, delta: Tensor, state: State) -> LayerGradient:
    normalized = F.layer_norm(x, module.normalized_shape, eps=module.eps)
    return _affine(name, module, normalized, delta, samples_and_channels=False)


def _affine(
    name: str, module: nn.Module, normalized: Tensor, delta: Tensor, samples_and_channels: bool
) -> LayerGradient:
    """y = weight ∘ x̂ + bias: the gradient is δ ∘ x̂ and δ, summed over positions."""

    def over_positions(tensor: Tensor) -> Tensor:
        if samples_and_channels:
            return tensor.flatten(2).sum(2) if tensor.ndim > 2 else tensor
        return tensor.reshape(len(tensor), -1, *module.normalized_shape).sum(1)  # type: ignore[misc]

    gradients = {"weight": over_positions(delta * normalized), "bias": over_positions(delta)}
    return Explicit({f"{name}.{key}".lstrip("."): gradients[key] for key, _ in module.named_parameters(recurse=False)})


def _bias(name: str, module: nn.Linear | nn.Conv2d) -> str | None:
    return None if module.bias is None else f"{name}.bias".lstrip(".")


ALGEBRA: dict[type[nn.Module], Callable[[str, Any, Tensor, Tensor, State], LayerGradient]] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv2d,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.GroupNorm: _group_norm,
    nn.LayerNorm: _layer_norm,
}
