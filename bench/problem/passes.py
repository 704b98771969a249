"""Passes of a model over rows. Methods that are scored side by side share a pass that several of them need."""

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


class AllFailedError(Exception):
    """Every method that shares this pass has failed, so it can stop."""


class ModelSource(Protocol):
    """The part of `Problem` that a pass needs: the model at any state, rows in batches, and the memory budget."""

    @property
    def model(self) -> nn.Module: ...

    @property
    def rows_at_once(self) -> int: ...

    def state_at(self, checkpoint: Checkpoint | None) -> State: ...

    def at(self, state: State) -> AbstractContextManager[nn.Module]: ...

    def batches(self, examples: Examples) -> Iterator[tuple[slice, Examples]]: ...

    def afford(self, needed: int, what: str) -> None: ...


class Pass:
    """A forward pass over some rows at a checkpoint; `after` gets the slice of rows and the outputs of each batch."""

    rank = 0
    """Among passes with the same key, the pass of the highest rank can serve the others."""

    def __init__(
        self,
        problem: ModelSource,
        checkpoint: Checkpoint | None,
        examples: Examples,
        after: Callable[[slice, Tensor], None],
    ) -> None:
        self.problem, self.checkpoint, self.examples, self.after = problem, checkpoint, examples, after
        self.error: Exception | None = None

    @property
    def key(self) -> Hashable:
        """Passes with equal keys can be run as one: they share the model, its state, the rows and the batches."""
        return id(self.problem.model), id(self.checkpoint), id(self.examples.x), self.problem.rows_at_once

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Hooks that the pass attaches to the model while it runs; a plain forward pass needs none."""
        yield

    def serve(self, passes: Sequence["Pass"]) -> None:
        """Run the model over the rows once, for all these passes of one key, which include this one."""
        state, batches = self.problem.state_at(self.checkpoint), self.problem.batches(self.examples)
        with torch.no_grad(), self.under_way(passes, state) as (model, deliver):
            for rows, batch in batches:
                deliver(rows, batch.through(model))

    @contextmanager
    def under_way(self, passes: Sequence["Pass"], state: State) -> Iterator[tuple[nn.Module, Callable[..., None]]]:
        """The model at the state, and a function that delivers a batch's outputs to every pass.

        An error in a pass's `after` is kept in that pass and does not stop the others.
        """

        def deliver(rows: slice, outputs: Tensor) -> None:
            for receiver in passes:
                try:
                    if receiver.error is None:
                        receiver.after(rows, outputs)
                except Exception as error:
                    receiver.error = error
            if all(receiver.error for receiver in passes):
                raise AllFailedError

        with ExitStack() as stack:
            stack.enter_context(suppress(AllFailedError))
            stack.enter_context(phase("gradients"))
            for receiver in passes:
                stack.enter_context(receiver.attached())
            yield stack.enter_context(self.problem.at(state)), deliver

    def run(self) -> None:
        """Run the pass, as one with equal passes of other methods where methods are scored side by side."""
        host: _Host | None = getattr(_here, "host", None)
        if host is None:
            self.serve([self])
        else:
            host.wait_for(self)
        if self.error is not None:
            raise self.error


def side_by_side(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """The results of several calls, which run in turn, each until it needs a pass; equal passes are then run as one."""
    return _Host(calls).results()


_here = threading.local()


class _Host:
    """Runs each call in a thread of its own, one at a time: a thread that needs a pass waits until the pass is done."""

    def __init__(self, calls: Sequence[Callable[[], Any]]) -> None:
        self.outcomes: dict[int, Any] = {}
        self.waiting: dict[int, Pass] = {}
        self.turns = [threading.Semaphore(0) for _ in calls]
        self.back = threading.Semaphore(0)
        self.threads = [
            threading.Thread(target=self._call, args=(number, call), daemon=True) for number, call in enumerate(calls)
        ]

    def results(self) -> list[Any]:
        """The calls' return values, in order.

        Raises:
            BaseException: the first error that a call raised, when all have ended.
        """
        for number, thread in enumerate(self.threads):
            thread.start()
            self._go(number)
        while self.waiting:
            # Fewest rows first: a method that passes over the validation rows before the training rows then catches up
            # with the others, and they share the pass over the training rows.
            first = min(self.waiting.values(), key=lambda wanted: len(wanted.examples))
            served = {number: wanted for number, wanted in self.waiting.items() if wanted.key == first.key}
            self._serve(list(served.values()))
            for number in served:
                del self.waiting[number]
                self._go(number)
        for outcome in self.outcomes.values():
            if isinstance(outcome, BaseException):
                raise outcome
        return [self.outcomes[number] for number in range(len(self.threads))]

    def wait_for(self, wanted: Pass) -> None:
        """Wait in the calling method's thread, while others run, until the pass is done."""
        self.waiting[_here.number] = wanted
        self.back.release()
        self.turns[_here.number].acquire()

    def _serve(self, passes: list[Pass]) -> None:
        try:
            max(passes, key=lambda wanted: wanted.rank).serve(passes)
        except Exception as error:
            for wanted in passes:
                wanted.error = error

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
