"""Planning how to capture the gradients of the selected parameters: by trial on two rows, checked against autograd."""

import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...bench.errors import FunctionalFallback, InputError
from ...bench.instruments.stopwatch import phase
from ...bench.problem.checkpoint import State
from ...bench.problem.evaluation import plain_attention
from ...bench.problem.examples import Examples
from ...bench.problem.problem import Problem
from .capture import Call, OtherCallsError, Plan, Watch, by_closed_forms, by_functional, functionally
from .forms.algebra import ALGEBRA, NoClosedFormError, Place
from .forms.convolution import Convolved
from .forms.gradient import Gradient, Plain
from .forms.outer import Outer

PROBED = 64  # rows that probes are chosen from
ANYWHERE = Place(known=False)  # the layout of an output that no closed form reads


def plan_of(problem: Problem, state: State, names: Sequence[str]) -> Plan:
    """The plan for the parameters of these names, made once for all states of a problem's model."""
    key = "plan", problem.model, *names
    if key not in problem.known:
        with phase("gradients"):
            problem.known[key] = planned(problem, state, names)
    plan: Plan = problem.known[key]
    return plan


def planned(problem: Problem, state: State, names: Sequence[str]) -> Plan:
    """The plan for the parameters of these names; each of its closed forms agrees with autograd on each of two rows.

    Peak memory: a copy of all parameters in float64, if that takes at most a quarter of the memory budget, and a copy
    of the largest parameter.

    Warns:
        FunctionalFallback: names the parameters that have no closed form, and why.

    Raises:
        InputError: if autograd cannot differentiate the model.
    """
    two = _probes(problem.train).to(problem.device)
    with problem.at(state) as model:
        two = _telling(model, two)
        bytes_per_row = _bytes_per_row(model, state, names, two[:1])
    state, two = _in_double(problem, state, two)
    with problem.at(state) as model:
        plan = replace(_placed(model, state, names, two), bytes_per_row=bytes_per_row)
        plan, gradients = _without_failing(model, state, plan, two)
        differing = _differing(model, state, two, plan.closed, gradients)
        plan = _without(plan, dict.fromkeys(differing, "its closed form does not agree with autograd"))
        rank_one = frozenset(name for name in plan.closed if _is_rank_one(gradients.get(name)))
        plan = replace(plan, rank_one=rank_one, convolutional=_is_convolutional(gradients))
        if plan.reasons:
            plan = replace(plan, vectorized=_vectorizes(model, state, plan, two))
    if plan.reasons:
        name, reason = next(iter(plan.reasons.items()))
        others = f" (and {len(plan.reasons) - 1} more parameters)" if len(plan.reasons) > 1 else ""
        message = f"the gradients of {name}{others} are computed by torch.func, since {reason}"
        warnings.warn(message, FunctionalFallback, stacklevel=2)
    return plan


def _probes(examples: Examples) -> Examples:
    """Two rows that show as much as rows can: one that varies most in itself, and the one that is farthest from it."""
    some = examples[torch.linspace(0, len(examples) - 1, min(PROBED, len(examples))).long()]
    flat = torch.cat([tensor.reshape(len(some), -1).double() for tensor in some.tensors.values()], 1)
    first = int((flat - flat.mean(1, keepdim=True)).square().sum(1).argmax())
    return some[torch.tensor([first, int((flat - flat[first]).square().sum(1).argmax())])]


@torch.no_grad()
def _telling(model: nn.Module, two: Examples) -> Examples:
    """The rows with noise added if they are all alike or blank, so that no product with them would show anything."""
    tensors = list(two.tensors.values())
    if any(tensor[0].ne(tensor[1]).any() and tensor.any() for tensor in tensors):
        return two
    generator = torch.Generator().manual_seed(0)
    noisy = two.mapped(lambda x: x + torch.randn(x.shape, generator=generator).to(x) if x.is_floating_point() else x)
    return noisy if bool(noisy.through(model).isfinite().all()) else two


@torch.no_grad()
def _in_double(problem: Problem, state: State, two: Examples) -> tuple[State, Examples]:
    """State and rows in float64, in which rounding hides no error; unchanged if memory or the model rules that out."""
    floating = sum(tensor.numel() for tensor in state.values() if tensor.is_floating_point())
    if 8 * floating > problem.memory_budget // 4:
        return state, two
    doubled = {name: _double(tensor) for name, tensor in state.items()}
    rows = two.mapped(_double)
    try:
        with problem.at(doubled) as model:
            rows.through(model)
    except (RuntimeError, TypeError):
        return state, two
    return doubled, rows


def _double(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def _placed(model: nn.Module, state: State, names: Sequence[str], two: Examples) -> Plan:
    """The layout of the samples in every call's output, and the parameters that go into functions without a rule."""
    once, twice = _calls(model, state, names, two[:1]), _calls(model, state, names, two)
    if [call.function for call, _ in once] != [call.function for call, _ in twice]:
        return Plan(tuple(names), reasons=dict.fromkeys(names, "the model calls other functions for other inputs"))
    places: list[Place] = []
    reasons: dict[str, str] = {}
    for (call, first), (_, both) in zip(once, twice, strict=True):
        name = getattr(call.function, "__name__", str(call.function))
        place = _place(first, both) if call.function in ALGEBRA else None
        if call.function is F.embedding and first.shape == both.shape:
            place = Place(shared=True)
        places.append(place or ANYWHERE)
        if call.function not in ALGEBRA:
            reasons |= dict.fromkeys(call.names, f"it goes into {name}")
        elif first.is_complex():
            reasons |= dict.fromkeys(call.names, f"the output of {name} is complex")
        elif place is None:
            reasons |= dict.fromkeys(call.names, f"no axis of the output of {name} holds the samples")
    return Plan(tuple(names), places, tuple(call.function for call, _ in twice), reasons)


def _place(first: Tensor, both: Tensor) -> Place | None:
    """The layout of the samples in a function's output, from its outputs for the first row alone and for both rows."""
    if first.ndim != both.ndim:
        return None
    axes = [axis for axis in range(first.ndim) if first.shape[axis] != both.shape[axis]]
    if len(axes) != 1 or both.shape[axes[0]] != 2 * first.shape[axes[0]]:
        return None
    axis, count = axes[0], first.shape[axes[0]]
    adjoining = both.narrow(axis, 0, count)
    alternating = both.unflatten(axis, (count, 2)).select(axis + 1, 0)
    return Place(axis, count, bool((adjoining - first).norm() > (alternating - first).norm()))


@torch.no_grad()
def _calls(model: nn.Module, state: State, names: Sequence[str], rows: Examples) -> list[tuple[Call, Any]]:
    """The watched calls of a forward pass in order, each with a copy of its output."""
    calls: list[tuple[Call, Any]] = []

    def on_call(call: Call, output: Any) -> Any:
        calls.append((call, output.clone() if isinstance(output, Tensor) else output))
        return output

    with Watch(state, names, on_call), plain_attention():
        rows.through(model)
    return calls


def _without(plan: Plan, reasons: Mapping[str, str]) -> Plan:
    return replace(plan, reasons={**plan.reasons, **reasons})


def _without_failing(model: nn.Module, state: State, plan: Plan, two: Examples) -> tuple[Plan, dict[str, Gradient]]:
    """The plan without the closed forms that raise an error, and the gradients that the others give."""
    gradients: dict[str, Gradient] = {}
    try:
        by_closed_forms(model, state, plan, two, _mixture, lambda _, name, gradient: gradients.update({name: gradient}))
    except OtherCallsError:
        return _without(plan, dict.fromkeys(plan.closed, "the model treats rows apart")), {}
    except (NoClosedFormError, RuntimeError, TypeError, IndexError) as error:
        if len(plan.closed) == 1:
            return _without(plan, {plan.closed[0]: str(error)}), {}
        failing = {}
        for name in plan.closed:  # try each alone, to see which of them fail
            alone = _without(plan, dict.fromkeys(set(plan.closed) - {name}, ""))
            failing[name] = _without_failing(model, state, alone, two)[0].reasons.get(name, "")
        plan = _without(plan, {name: reason for name, reason in failing.items() if reason})
        return _without_failing(model, state, plan, two) if plan.closed else (plan, {})
    return plan, gradients


def _vectorizes(model: nn.Module, state: State, plan: Plan, two: Examples) -> bool:
    """Whether `vmap` computes the gradients that have no closed form, and computes them rightly."""
    parts: dict[str, list[Tensor]] = defaultdict(list)
    try:
        by_functional(
            model, state, plan, two, _mixture, lambda _, name, gradient: parts[name].append(gradient.formed())
        )
    except RuntimeError:  # `vmap` does not support every function
        return False
    gradients = {name: Plain(torch.cat(pieces)) for name, pieces in parts.items()}
    return not _differing(model, state, two, list(plan.reasons), gradients)


def _differing(
    model: nn.Module, state: State, two: Examples, names: Sequence[str], gradients: Mapping[str, Gradient]
) -> list[str]:
    """The parameters whose gradients differ from those that autograd computes for each row alone.

    A parameter that is missing from `gradients` has the gradient zero. Autograd's gradient g of each parameter is
    compared when it arrives, and then freed. Ours, h, is not formed: |h - g|² = |h|² - 2 h·g + |g|².

    Raises:
        InputError: if autograd cannot differentiate the model.
    """
    if not names:
        return []
    distances, sizes = (dict.fromkeys(names, torch.zeros((), dtype=torch.float64)) for _ in range(2))  # squared
    for row in (slice(0, 1), slice(1, 2)):
        leaves = {name: state[name].detach().requires_grad_() for name in names}
        unused = dict.fromkeys(names)

        def compare(name: str, leaf: Tensor, row: slice = row, unused: dict[str, None] = unused) -> None:
            truth, leaf.grad = leaf.grad, None
            if truth is not None:
                truth = truth.to_dense()
                unused.pop(name, None)
                size = truth.norm().double().cpu() ** 2
                sizes[name] = sizes[name] + size
                distances[name] = distances[name] + size
                if name in gradients:
                    ours = gradients[name][row]
                    distances[name] = distances[name] + (ours.squared_l2() - 2 * ours.inner(truth))[0].double().cpu()

        for name, leaf in leaves.items():
            leaf.register_post_accumulate_grad_hook(partial(compare, name))
        try:
            with torch.enable_grad():
                outputs = two[row].through(functionally(model, {**state, **leaves}))
                mixture = _mixture(outputs, two.y).sum()
                if mixture.requires_grad:
                    mixture.backward()
        except RuntimeError as error:
            said = " ".join(str(error).split())[:200]
            raise InputError(f"autograd cannot differentiate this model: {said}") from error
        for name in gradients.keys() & unused.keys():
            distances[name] = distances[name] + gradients[name][row].squared_l2()[0].double().cpu()
    tolerance = 1e-6 if outputs.dtype == torch.float64 else 0.05
    whole = torch.stack(list(sizes.values())).sum().sqrt()
    bounds = {name: tolerance * (size.sqrt() + 1e-3 * whole) for name, size in sizes.items()}
    return [name for name in names if not distances[name].abs().sqrt() <= bounds[name]]


def _is_rank_one(gradient: Gradient | None) -> bool:
    return isinstance(gradient, Outer) and gradient.positions == 1


def _is_convolutional(gradients: Mapping[str, Gradient]) -> bool:
    """Whether most multiplications of a forward pass are those of convolutions."""
    uses = [use for gradient in gradients.values() for use in gradient.summands()]
    convolved, outer = (
        sum(use.positions * use.shape.numel() for use in uses if isinstance(use, kind)) for kind in (Convolved, Outer)
    )
    return convolved > outer


def _bytes_per_row(model: nn.Module, state: State, names: Sequence[str], row: Examples) -> int:
    """Memory that the graph of one row keeps for the backward pass, without the model's own tensors."""
    kept = dict.fromkeys((tensor.data_ptr() for tensor in state.values()), 0)

    def pack(tensor: Tensor) -> Tensor:
        kept.setdefault(tensor.data_ptr(), tensor.nbytes)
        return tensor

    leaves = {name: state[name].detach().requires_grad_() for name in names}
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        row.through(functionally(model, {**state, **leaves}))
    return sum(kept.values())


def _mixture(outputs: Tensor, _: Tensor) -> Tensor:
    """A fixed mixture of the outputs, as an objective: unlike a loss's, its gradient is never zero."""
    flat = outputs.reshape(len(outputs), -1)
    return flat @ torch.linspace(0.5, 1.5, flat.shape[1], dtype=flat.dtype, device=flat.device)
