"""How the gradients of the selected parameters can be captured: found out on two rows, and held against autograd."""

import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ...bench.errors import FunctionalFallback, InputError
from ...bench.problem import Examples, Problem, State
from .algebra import ALGEBRA, NoClosedFormError, Place
from .capture import Call, Plan, Watch, by_closed_forms, by_functional, plain_attention
from .gradient import Gradient
from .outer import Outer

NOWHERE = Place()


def planned(problem: Problem, state: State, names: Sequence[str]) -> Plan:
    """The plan for some parameters. Every closed form in it agrees with autograd on two rows, sample by sample.

    Warns:
        FunctionalFallback: names the parameters that have no closed form, and why.

    Raises:
        InputError: if autograd cannot differentiate the model.
    """
    two = problem.train[torch.tensor([0, 1 % len(problem.train)])]
    two = Examples(two.x.to(problem.device), two.y.to(problem.device))
    with problem.at(state) as model:
        kept = _bytes_per_row(model, state, names, two)
    state, two = _exact(problem, state, two)
    with problem.at(state) as model:
        truth = _by_autograd(model, state, names, two)
        plan = replace(_placed(model, state, names, two), bytes_per_row=kept)
        plan = _without_failing(truth, model, state, plan, two)
        if plan.reasons:
            plan = replace(plan, vectorized=_vectorizes(truth, model, state, plan, two))
    if plan.reasons:
        name, reason = next(iter(plan.reasons.items()))
        more = f" (and {len(plan.reasons) - 1} more parameters)" if len(plan.reasons) > 1 else ""
        warnings.warn(f"gradients of {name}{more} by torch.func, since {reason}", FunctionalFallback, stacklevel=2)
    return plan


@torch.no_grad()
def _exact(problem: Problem, state: State, two: Examples) -> tuple[State, Examples]:
    """State and rows in float64, so that rounding is no excuse; as they are if the model cannot work in float64."""
    doubled = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    rows = Examples(two.x.double() if two.x.is_floating_point() else two.x, two.y)
    try:
        with problem.at(doubled) as model:
            model(rows.x)
    except (RuntimeError, TypeError):
        return state, two
    return doubled, rows


def _placed(model: nn.Module, state: State, names: Sequence[str], two: Examples) -> Plan:
    """Where the samples are in every call, and which parameters go into what has no closed form."""
    once, twice = _calls(model, state, names, two.x[:1]), _calls(model, state, names, two.x)
    if [call.function for call, _ in once] != [call.function for call, _ in twice]:
        return Plan(tuple(names), reasons=dict.fromkeys(names, "the model calls other functions for other inputs"))
    places: list[Place] = []
    reasons: dict[str, str] = {}
    for (call, one), (_, both) in zip(once, twice, strict=True):
        name = getattr(call.function, "__name__", str(call.function))
        place = _place(one, both) if call.function in ALGEBRA else None
        places.append(place or NOWHERE)
        if call.function not in ALGEBRA:
            reasons |= dict.fromkeys(call.names, f"it goes into {name}")
        elif place is None:
            reasons |= dict.fromkeys(call.names, f"no axis of the output of {name} holds the samples")
    return Plan(tuple(names), places, reasons)


def _place(one: Tensor, both: Tensor) -> Place | None:
    """Where the samples are in an output, from what it is for the first row alone and for both."""
    if one.ndim != both.ndim:
        return None
    axes = [axis for axis in range(one.ndim) if one.shape[axis] != both.shape[axis]]
    if len(axes) != 1 or both.shape[axes[0]] != 2 * one.shape[axes[0]]:
        return None
    axis, count = axes[0], one.shape[axes[0]]
    side_by_side = both.narrow(axis, 0, count)
    alternating = both.unflatten(axis, (count, 2)).select(axis + 1, 0)
    return Place(axis, count, bool((side_by_side - one).norm() > (alternating - one).norm()))


@torch.no_grad()
def _calls(model: nn.Module, state: State, names: Sequence[str], x: Tensor) -> list[tuple[Call, Any]]:
    calls: list[tuple[Call, Any]] = []

    def seen(call: Call, output: Any) -> Any:
        calls.append((call, output.clone() if isinstance(output, Tensor) else output))
        return output

    with Watch(state, names, seen), plain_attention():
        model(x)
    return calls


def _without_failing(truth: State, model: nn.Module, state: State, plan: Plan, two: Examples) -> Plan:
    """The plan without the closed forms that fail or do not agree with autograd."""
    found: dict[str, Tensor] = {}

    rank_one: set[str] = set()

    def keep(_: slice, name: str, gradient: Gradient) -> None:
        found[name] = gradient.formed()
        if isinstance(gradient, Outer) and gradient.positions == 1:
            rank_one.add(name)

    def without(reasons: Mapping[str, str]) -> Plan:
        return replace(plan, reasons={**plan.reasons, **reasons})

    try:
        by_closed_forms(model, state, plan, two, _mixture, keep)
    except (NoClosedFormError, RuntimeError, TypeError, IndexError) as error:
        if len(plan.closed) == 1:
            return without({plan.closed[0]: str(error)})
        failing = {}
        for name in plan.closed:  # which of them it is: one at a time
            alone = without(dict.fromkeys(set(plan.closed) - {name}, ""))
            failing[name] = _without_failing(truth, model, state, alone, two).reasons.get(name, "")
        plan = without({name: reason for name, reason in failing.items() if reason})
        return _without_failing(truth, model, state, plan, two) if plan.closed else plan
    differing = _differing(found, plan.closed, truth)
    agreed = without(dict.fromkeys(differing, "its closed form does not agree with autograd"))
    return replace(agreed, rank_one=frozenset(rank_one) & frozenset(agreed.closed))


def _vectorizes(truth: State, model: nn.Module, state: State, plan: Plan, two: Examples) -> bool:
    found: dict[str, list[Tensor]] = defaultdict(list)

    def keep(_: slice, name: str, gradient: Gradient) -> None:
        found[name].append(gradient.formed())

    try:
        by_functional(model, state, plan, two, _mixture, keep)
    except RuntimeError:  # some functions cannot be vectorized
        return False
    return not _differing({name: torch.cat(parts) for name, parts in found.items()}, plan.reasons, truth)


def _differing(found: State, names: Iterable[str], truth: State) -> list[str]:
    """The parameters whose gradients are not the true ones; one that was not found is zero."""
    sizes = {name: gradient.norm() for name, gradient in truth.items()}
    whole = torch.stack(list(sizes.values())).norm()
    tolerance = 1e-6 if whole.dtype == torch.float64 else 0.05

    def differs(name: str) -> bool:
        apart = (found[name] - truth[name]).norm() if name in found else sizes[name]
        return not bool(apart <= tolerance * (sizes[name] + 1e-3 * whole))

    return [name for name in names if differs(name)]


def _by_autograd(model: nn.Module, state: State, names: Sequence[str], two: Examples) -> State:
    """Gradients of the mixture (2, ...), each row on its own."""
    rows = []
    for row in (two[:1], two[1:]):
        leaves = {name: state[name].detach().requires_grad_() for name in names}
        try:
            with torch.enable_grad():
                whole = _mixture(functional_call(model, {**state, **leaves}, (row.x,)), row.y).sum()
            rows.append(torch.autograd.grad(whole, list(leaves.values()), materialize_grads=True))
        except RuntimeError as error:
            raise InputError(f"autograd cannot differentiate this model: {error}") from error
    return {name: torch.stack(pair) for name, *pair in zip(names, *rows, strict=True)}


def _bytes_per_row(model: nn.Module, state: State, names: Sequence[str], two: Examples) -> int:
    """What the graph of one row keeps for the backward pass, the model's own tensors apart."""
    kept = dict.fromkeys((tensor.data_ptr() for tensor in state.values()), 0)

    def pack(tensor: Tensor) -> Tensor:
        kept.setdefault(tensor.data_ptr(), tensor.nbytes)
        return tensor

    leaves = {name: state[name].detach().requires_grad_() for name in names}
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        functional_call(model, {**state, **leaves}, (two.x[:1],))
    return sum(kept.values())


def _mixture(outputs: Tensor, _: Tensor) -> Tensor:
    """An objective whose gradient is never zero, as a loss's may be: a fixed mixture of the outputs."""
    flat = outputs.flatten(1)
    return flat @ torch.linspace(0.5, 1.5, flat.shape[1], dtype=flat.dtype, device=flat.device)
