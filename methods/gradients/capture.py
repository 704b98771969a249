"""One batched forward and backward pass that captures each selected parameter's per-sample gradients.

Every torch function that a selected parameter goes into is watched, in whatever module it is called. Only the gradients
of these functions' outputs are asked of autograd: no weight gradient is ever formed, and what comes before the first
selected parameter runs without a graph. A parameter's gradient is handed on as soon as the backward pass reaches it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.overrides import TorchFunctionMode

from ...bench.problem.checkpoint import State
from ...bench.problem.examples import Examples
from .forms.algebra import ALGEBRA, Place, Samples
from .forms.gradient import Gradient, Plain
from .forms.uses import total

Objective = Callable[[Tensor, Tensor], Tensor]
Take = Callable[[slice, str, Gradient], None]
FALLBACK_NUMBERS = 2**26  # per-sample gradient entries that the fallback may form at once: 256 MiB in float32


@dataclass(frozen=True)
class Plan:
    """How the gradients of the selected parameters are captured: by closed forms, but for those in `reasons`."""

    names: tuple[str, ...]
    places: Sequence[Place] = ()
    """Where the samples are in the output of each watched call, in order."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a parameter's gradients have no closed form."""
    rank_one: frozenset[str] = frozenset()
    """The parameters of which every sample's gradient is one outer product."""
    vectorized: bool = True
    """Whether `vmap` can take the gradients that have no closed form."""
    bytes_per_row: int = 0
    """What the graph of one row keeps for the backward pass."""

    @property
    def closed(self) -> list[str]:
        """The parameters whose gradients have a closed form."""
        return [name for name in self.names if name not in self.reasons]


@dataclass(frozen=True)
class Call:
    """A torch function that selected parameters went into."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    names: frozenset[str]


class Watch(TorchFunctionMode):
    """Tells of every torch function that a parameter of interest goes into; the answer takes the output's place."""

    def __init__(self, state: State, names: Iterable[str], seen: Callable[[Call, Any], Any]) -> None:
        super().__init__()
        self.names = {id(state[name]): name for name in names}
        self.seen = seen

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
        return self.seen(Call(function, args, kwargs, names), output)

    def _used(self, values: Iterable[Any]) -> frozenset[str]:
        used = [self.names[id(value)] for value in values if id(value) in self.names]
        used += [name for value in values if isinstance(value, list | tuple) for name in self._used(value)]
        return frozenset(used)


def capture(model: nn.Module, state: State, plan: Plan, batch: Examples, objective: Objective, take: Take) -> Tensor:
    """Hand the gradients of the objective (outputs, labels -> (B,)) to `take`, parameter by parameter.

    Args:
        model: in evaluation mode, with the state's parameters and buffers (`Problem.at`).

    Returns:
        The model's outputs.
    """
    outputs = by_closed_forms(model, state, plan, batch, objective, take)
    if plan.reasons:
        by_functional(model, state, plan, batch, objective, take)
    return outputs


def by_closed_forms(
    model: nn.Module, state: State, plan: Plan, batch: Examples, objective: Objective, take: Take
) -> Tensor:
    """The gradients of the parameters that have a closed form; returns the model's outputs."""
    uses: dict[str, list[Gradient]] = defaultdict(list)
    pending: dict[str, int] = defaultdict(int)
    ids = {id(state[name]): name for name in plan.closed}
    places = iter(plan.places)
    anchor = torch.zeros((), requires_grad=True, device=batch.y.device)

    def deliver(name: str) -> None:
        take(slice(0, len(batch)), name, total(uses.pop(name)))

    def seen(call: Call, output: Any) -> Any:
        samples = Samples(len(batch), next(places))
        wanted = call.names - plan.reasons.keys()
        if not wanted:
            return output
        if samples.place.shared:
            output = samples.given_to_each(output)
        if not output.requires_grad:  # no parameter does, so the first layers' outputs do not either
            output = output + anchor
        if not output.requires_grad:  # the model calls this without gradients
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
        with Watch(state, plan.names, seen), plain_attention():
            outputs = batch.through(model)
        whole = objective(outputs, batch.y).sum()
    if whole.requires_grad:
        torch.autograd.grad(whole, anchor, allow_unused=True)
    for name in list(uses):  # some of whose uses the objective does not depend on
        deliver(name)
    return outputs


def by_functional(
    model: nn.Module, state: State, plan: Plan, batch: Examples, objective: Objective, take: Take
) -> None:
    """The gradients of the others, formed one by one: slower, for every use there is of a parameter."""
    chosen = {name: state[name] for name in plan.reasons}

    def whole(parameters: dict[str, Tensor], row: Examples) -> Tensor:
        return objective(row.through(functionally(model, {**state, **parameters})), row.y).sum()

    def one(parameters: dict[str, Tensor], x: Any, y: Tensor) -> Tensor:
        return whole(parameters, Examples(x, y[None]).mapped(lambda tensor: tensor[None]))

    def alone(row: Examples) -> dict[str, Tensor]:
        with torch.enable_grad():
            leaves = {name: tensor.detach().requires_grad_() for name, tensor in chosen.items()}
            gradients = torch.autograd.grad(whole(leaves, row), list(leaves.values()), materialize_grads=True)
        return dict(zip(leaves, gradients, strict=True))

    step = max(1, FALLBACK_NUMBERS // sum(tensor.numel() for tensor in chosen.values()))
    for start in range(0, len(batch), step):
        rows = slice(start, min(start + step, len(batch)))
        some = batch[rows]
        with plain_attention():
            if plan.vectorized:
                gradients = vmap(grad(one), in_dims=(None, 0, 0))(chosen, some.x, some.y)
            else:
                single = [alone(some[k : k + 1]) for k in range(len(some))]
                gradients = {name: torch.stack([row[name] for row in single]) for name in chosen}
        for name in chosen:
            take(rows, name, Plain(gradients[name]))


def functionally(model: nn.Module, state: State) -> Callable[..., Any]:
    """The model as a function of its inputs, with these tensors in place of its own."""
    return lambda *inputs, **fields: functional_call(model, dict(state), inputs, fields)


@contextmanager
def plain_attention() -> Iterator[None]:
    """Attention by its parts, rather than fused into one call that shows none of them."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _opened(function: FunctionType) -> FunctionType:
    """A function of torch written in Python, such as multi-head attention, without its own dispatch to the watch.

    The functions that its body calls are then seen one by one.
    """
    dispatch = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
    names = {**function.__globals__, **dict.fromkeys(dispatch, lambda *_: False)}
    opened = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    opened.__kwdefaults__ = function.__kwdefaults__
    return opened
