"""One batched forward and backward pass that captures each selected parameter's per-sample gradients.

The pass watches every call of a torch function with a selected parameter among its arguments, in whatever module.
Autograd computes only the gradients of these calls' outputs: it forms no weight gradient, and whatever precedes the
first selected parameter runs without a graph. A parameter's gradient is delivered as soon as the backward pass has
reached all its uses.
"""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.overrides import TorchFunctionMode

from ...bench.errors import FunctionalFallback
from ...bench.problem.checkpoint import State
from ...bench.problem.evaluation import plain_attention
from ...bench.problem.examples import Examples
from .forms.algebra import ALGEBRA, Place, Samples
from .forms.gradient import Gradient, Plain
from .forms.uses import total
from .moves import Moves

Objective = Callable[[Tensor, Tensor], Tensor]
Take = Callable[[slice, str, Gradient], None]
FALLBACK_NUMBERS = 2**26  # per-sample gradient entries that the fallback may form at once: 256 MiB in float32


@dataclass(frozen=True)
class Plan:
    """How to capture the gradients of the selected parameters: by closed forms, except for those in `reasons`."""

    names: tuple[str, ...]
    """All selected parameters."""
    places: Sequence[Place] = ()
    """The layout of the samples in the output of each watched call, in order."""
    functions: Sequence[Callable[..., Any]] = ()
    """The function of each watched call, in order."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """The parameters without a closed form, each with the reason."""
    rank_one: frozenset[str] = frozenset()
    """The parameters for which each sample's gradient is a single outer product."""
    convolutional: bool = False
    """Whether convolutions take most of the multiplications."""
    vectorized: bool = True
    """Whether `vmap` can compute the gradients that have no closed form."""
    bytes_per_row: int = 0
    """Memory that the graph of one row keeps for the backward pass."""

    @property
    def closed(self) -> list[str]:
        """The parameters whose gradients have a closed form."""
        return [name for name in self.names if name not in self.reasons]


@dataclass(frozen=True)
class Call:
    """A call of a torch function with selected parameters, of these names, among its arguments."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    names: frozenset[str]


class Watch(TorchFunctionMode):
    """Intercepts every torch function that a selected parameter goes into, and lets `on_call` choose its output.

    Args:
        state: holds the parameters as the model uses them.
        names: the selected parameters.
        on_call: maps a call and its output to the output that the model gets instead.
    """

    def __init__(self, state: State, names: Iterable[str], on_call: Callable[[Call, Any], Any]) -> None:
        super().__init__()
        self.names = {id(state[name]): name for name in names}
        self.on_call = on_call

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        names = self._used((*args, *kwargs.values()) if kwargs else args)
        if names and isinstance(function, FunctionType) and function not in ALGEBRA:
            with self:
                return _opened(function)(*args, **kwargs)
        output = function(*args, **kwargs)
        if not names or not any(
            isinstance(part, Tensor) for part in (output if isinstance(output, tuple) else [output])
        ):
            return output
        return self.on_call(Call(function, args, kwargs, names), output)

    def _used(self, values: Iterable[Any]) -> frozenset[str]:
        used = [self.names[id(value)] for value in values if id(value) in self.names]
        used += [name for value in values if isinstance(value, list | tuple) for name in self._used(value)]
        return frozenset(used)


class OtherCallsError(Exception):
    """The model calls other functions than its plan was made from, for other numbers of rows or in another order."""


def capture(model: nn.Module, state: State, plan: Plan, batch: Examples, objective: Objective, take: Take) -> Tensor:
    """Hand the per-sample gradients of an objective to `take`, parameter by parameter.

    Args:
        model: in evaluation mode, with the state's parameters and buffers (`Problem.at`).
        state: the model's parameters and buffers by name.
        plan: how to capture each selected parameter's gradients.
        batch: B rows on the model's device.
        objective: maps outputs and labels to (B,).
        take: gets rows of the batch, a parameter's name and its gradients for these rows.

    Returns:
        The model's outputs.
    """
    try:
        outputs = by_closed_forms(model, state, plan, batch, objective, take)
    except OtherCallsError:
        message = "gradients of some batches are computed row by row, since the model treats their rows apart"
        warnings.warn(message, FunctionalFallback, stacklevel=2)
        plan = replace(plan, reasons=dict.fromkeys(plan.names, message), vectorized=False)
        with torch.no_grad():
            outputs = batch.through(model)
    if plan.reasons:
        by_functional(model, state, plan, batch, objective, take)
    return outputs


def by_closed_forms(
    model: nn.Module, state: State, plan: Plan, batch: Examples, objective: Objective, take: Take
) -> Tensor:
    """Hand over the gradients of the parameters that have a closed form, and return the model's outputs.

    Raises:
        OtherCallsError: before any gradient is handed over, if the model's calls are not those of the plan.
    """
    uses: dict[str, list[Gradient]] = defaultdict(list)
    pending: dict[str, int] = defaultdict(int)
    ids = {id(state[name]): name for name in plan.closed}
    planned = iter(zip(plan.functions, plan.places, strict=True))
    anchor = torch.zeros((), requires_grad=True, device=batch.y.device)
    moves = Moves(len(batch), state.values())

    def deliver(name: str) -> None:
        take(slice(0, len(batch)), name, total(uses.pop(name)))

    def on_call(call: Call, output: Any) -> Any:
        function, place = next(planned, (None, Place()))
        samples = Samples(len(batch), place)
        if call.function != function or not samples.lie_in(output) or (moves.seen and place.known):
            raise OtherCallsError
        wanted = call.names - plan.reasons.keys()
        if not wanted:
            return output
        if samples.place.shared:
            output = samples.given_to_each(output)
        if not output.requires_grad:  # parameters are detached, so nothing before this call requires gradients
            output = output + anchor
        if not output.requires_grad:  # the model makes this call under `no_grad`
            return output
        for name in wanted:
            pending[name] += 1

        def arrived(delta: Tensor) -> None:
            for argument, gradient in ALGEBRA[call.function](samples, delta, *call.args, **call.kwargs):
                if id(argument) in ids:
                    uses[ids[id(argument)]].append(gradient)
            for name in wanted:
                pending[name] -= 1
                if not pending[name] and name in uses:
                    deliver(name)

        output.register_hook(arrived)
        return output

    with torch.enable_grad():
        with Watch(state, plan.names, on_call), moves, plain_attention():
            outputs = batch.through(model)
        if next(planned, None):
            raise OtherCallsError
        whole = objective(outputs, batch.y).sum()
    if whole.requires_grad:
        torch.autograd.grad(whole, anchor, allow_unused=True)
    for name in list(uses):  # parameters with a use that the objective does not depend on: its hook was never called
        deliver(name)
    return outputs


def by_functional(
    model: nn.Module, state: State, plan: Plan, batch: Examples, objective: Objective, take: Take
) -> None:
    """Hand over the gradients of the parameters without a closed form: slower, but for any use of a parameter."""
    chosen = {name: state[name] for name in plan.reasons}

    def whole(parameters: dict[str, Tensor], row: Examples) -> Tensor:
        return objective(row.through(functionally(model, {**state, **parameters})), row.y).sum()

    def of_row(parameters: dict[str, Tensor], x: Any, y: Tensor) -> Tensor:
        return whole(parameters, Examples(x, y[None]).mapped(lambda tensor: tensor[None]))

    def by_autograd(row: Examples) -> dict[str, Tensor]:
        with torch.enable_grad():
            leaves = {name: tensor.detach().requires_grad_() for name, tensor in chosen.items()}
            loss = whole(leaves, row)
            if not loss.requires_grad:  # the model uses none of these parameters for this row
                return {name: torch.zeros_like(tensor) for name, tensor in chosen.items()}
            gradients = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
        return {name: gradient.to_dense() for name, gradient in zip(leaves, gradients, strict=True)}

    step = max(1, FALLBACK_NUMBERS // sum(tensor.numel() for tensor in chosen.values()))
    for start in range(0, len(batch), step):
        rows = slice(start, min(start + step, len(batch)))
        part = batch[rows]
        with plain_attention():
            gradients = None
            if plan.vectorized:
                with suppress(RuntimeError):  # a loss of the user's own may branch on values
                    gradients = vmap(grad(of_row), in_dims=(None, 0, 0))(chosen, part.x, part.y)
            if gradients is None:
                by_row = [by_autograd(part[k : k + 1]) for k in range(len(part))]
                gradients = {name: torch.stack([row[name] for row in by_row]) for name in chosen}
        for name in chosen:
            take(rows, name, Plain(gradients[name]))


def functionally(model: nn.Module, state: State) -> Callable[..., Any]:
    """The model as a function of its inputs, with the state's tensors in place of its own."""
    return lambda *inputs, **fields: functional_call(model, dict(state), inputs, fields)


def _opened(function: FunctionType) -> FunctionType:
    """A copy of a torch function that is written in Python, such as multi-head attention, without its own dispatch.

    The watch then gets each function that the body calls, in place of the whole.
    """
    dispatch = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
    names = {**function.__globals__, **dict.fromkeys(dispatch, lambda *_: False)}
    opened = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    opened.__kwdefaults__ = function.__kwdefaults__
    return opened
