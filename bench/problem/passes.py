"""Passes of a model over rows, and methods that share them: whoever wants the same pass is served by one."""

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from ..instruments.stopwatch import phase
from .checkpoint import Checkpoint, State
from .examples import Examples

Result = TypeVar("Result")


class NobodyLeftError(Exception):
    """Every method that shares this pass has failed, so it can stop."""


class Model(Protocol):
    """What a pass needs of a problem: its model at any state, and rows in batches."""

    @property
    def model(self) -> nn.Module: ...

    @property
    def batch_size(self) -> int: ...

    def state_at(self, checkpoint: Checkpoint | None) -> State: ...

    def at(self, state: State) -> AbstractContextManager[nn.Module]: ...

    def batches(self, examples: Examples) -> Iterator[tuple[slice, Examples]]: ...


class Pass:
    """A forward pass over some rows at a checkpoint: `after` is told each batch's rows and the model's outputs."""

    rank = 0
    """Of passes of one key, the one of the highest rank can serve the others."""

    def __init__(
        self,
        problem: Model,
        checkpoint: Checkpoint | None,
        examples: Examples,
        after: Callable[[slice, Tensor], None],
    ) -> None:
        self.problem, self.checkpoint, self.examples, self.after = problem, checkpoint, examples, after
        self.error: Exception | None = None

    @property
    def key(self) -> Hashable:
        """What passes must have in common to be one: the model, its state and the rows."""
        return id(self.problem.model), id(self.checkpoint), id(self.examples.x), self.problem.batch_size

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Whatever the pass needs at the model while it is under way."""
        yield

    def serve(self, passes: Sequence["Pass"]) -> None:
        """Run the model once, for all passes of one key, this one among them."""
        state = self.problem.state_at(self.checkpoint)
        with torch.no_grad(), self.under_way(passes, state) as (model, tell):
            for rows, batch in self.problem.batches(self.examples):
                tell(rows, batch.through(model))

    @contextmanager
    def under_way(self, passes: Sequence["Pass"], state: State) -> Iterator[tuple[nn.Module, Callable[..., None]]]:
        """The model at the state, and a function that tells all passes of a batch; their errors are their own."""

        def tell(rows: slice, outputs: Tensor) -> None:
            for one in passes:
                try:
                    if one.error is None:
                        one.after(rows, outputs)
                except Exception as error:
                    one.error = error
            if all(one.error for one in passes):
                raise NobodyLeftError

        with ExitStack() as stack:
            stack.enter_context(suppress(NobodyLeftError))
            stack.enter_context(phase("gradients"))
            for one in passes:
                stack.enter_context(one.attached())
            yield stack.enter_context(self.problem.at(state)), tell

    def run(self) -> None:
        """Do the pass, with others that want the same if methods are scored side by side."""
        host: _Host | None = getattr(_here, "host", None)
        if host is None:
            self.serve([self])
        else:
            host.wait_for(self)
        if self.error is not None:
            raise self.error


def side_by_side(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """The results of several calls. Each runs until it wants a pass, in turn; passes of one key are then one."""
    return _Host(calls).results()


_here = threading.local()


class _Host:
    """Calls in threads of their own, of which one at a time runs."""

    def __init__(self, calls: Sequence[Callable[[], Any]]) -> None:
        self.outcomes: dict[int, Any] = {}
        self.waiting: dict[int, Pass] = {}
        self.turns = [threading.Semaphore(0) for _ in calls]
        self.back = threading.Semaphore(0)
        self.threads = [
            threading.Thread(target=self._call, args=(number, call), daemon=True) for number, call in enumerate(calls)
        ]

    def results(self) -> list[Any]:
        """What the calls return, or the first error that one of them raises."""
        for number, thread in enumerate(self.threads):
            thread.start()
            self._go(number)
        while self.waiting:
            # Fewest rows first: a method that asks for validation rows before training rows catches up with the others.
            first = min(self.waiting.values(), key=lambda one: len(one.examples))
            served = {number: one for number, one in self.waiting.items() if one.key == first.key}
            self._serve(list(served.values()))
            for number in served:
                del self.waiting[number]
                self._go(number)
        for outcome in self.outcomes.values():
            if isinstance(outcome, BaseException):
                raise outcome
        return [self.outcomes[number] for number in range(len(self.threads))]

    def wait_for(self, wanted: Pass) -> None:
        """Called by a method: hand over until the pass is done."""
        self.waiting[_here.number] = wanted
        self.back.release()
        self.turns[_here.number].acquire()

    def _serve(self, passes: list[Pass]) -> None:
        try:
            max(passes, key=lambda one: one.rank).serve(passes)
        except Exception as error:
            for one in passes:
                one.error = error

    def _go(self, number: int) -> None:
        self.turns[number].release()
        self.back.acquire()

    def _call(self, number: int, call: Callable[[], Any]) -> None:
        _here.host, _here.number = self, number
        self.turns[number].acquire()
        try:
            self.outcomes[number] = call()
        except BaseException as error:
            self.outcomes[number] = error
        finally:
            self.back.release()
