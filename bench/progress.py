"""Progress of a run on standard error: a bar on a terminal, a line every ten seconds elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.table import Column

LINE_SECONDS = 10.0
BAR_SECONDS = 2.0


class Progress:
    """Progress through stages of named pieces of work. `started` and `finished` may be called from several threads."""

    def __init__(self, bar: Bar, console: Console) -> None:
        self.bar, self.console, self.lock = bar, console, Lock()
        self.running: list[str] = []
        self.task = bar.add_task("", total=None, running="")
        self.total, self.done, self.name = 0, 0, ""
        self.began = self.last_line = monotonic()

    def stage(self, name: str, total: int, done: int = 0) -> None:
        """Begin a stage of `total` pieces, of which `done` need no work."""
        self.name, self.total, self.done = name, total, done
        self.began = self.last_line = monotonic()
        self.bar.reset(self.task, total=total, completed=done, description=name, running="")
        if not self.console.is_terminal:
            self.say(f"{name}: {total - done} of {total} to do")

    def started(self, name: str) -> None:
        """Show that a piece of work has begun."""
        with self.lock:
            self.running.append(name)
            self.bar.update(self.task, running=", ".join(self.running))

    def finished(self, name: str) -> None:
        """Count a piece of work as done."""
        with self.lock:
            self.running.remove(name)
            self.done += 1
            self.bar.update(self.task, advance=1, running=", ".join(self.running))
            if not self.console.is_terminal and monotonic() - self.last_line > LINE_SECONDS:
                self.last_line = monotonic()
                self.say(f"{self.name}: {self.done} of {self.total} after {self.last_line - self.began:.0f} s")

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self.console.print(line, markup=False, highlight=False)


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Progress on standard error, below a title."""
    console = Console(stderr=True)
    running = TextColumn("{task.fields[running]}", "dim", markup=False, table_column=Column(ratio=1, no_wrap=True))
    console.print(title, markup=False, highlight=False)
    with Bar(
        *_columns(), running, console=console, disable=not console.is_terminal, transient=True, expand=True
    ) as bar:
        yield Progress(bar, console)


@contextmanager
def bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, if that is a terminal and the work takes more than two seconds.

    Yields a function to call with the number of steps done since its last call.
    """
    began = monotonic()
    console = Console(stderr=True)
    shown = Bar(*_columns(), console=console, transient=True, disable=not console.is_terminal)
    task = shown.add_task(title, total=total)

    def advance(steps: int) -> None:
        if not shown.live.is_started and monotonic() - began > BAR_SECONDS:
            shown.start()
        shown.advance(task, steps)

    try:
        yield advance
    finally:
        if shown.live.is_started:
            shown.stop()


def _columns() -> tuple[ProgressColumn, ...]:
    return (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        TextColumn("left", table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
    )
