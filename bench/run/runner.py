"""Running a suite: what is missing or has changed is done, each piece in a process of its own, several at a time."""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import InputError
from ..progress import Progress, progress
from ..registry.method import find_method
from ..registry.plugins import load_plugin
from ..results.records import RunInfo, Status
from ..results.run import Run
from ..results.specs import Cell, ProblemSpec
from .jobs import Answer, Job, Prepare, Score
from .pool import Submit, pool, worker_count
from .provenance import provenance
from .record import failure, stale
from .suite import Suite, find_suite

SHOWN = 3  # cells whose reasons for running again are printed


def run(
    suite: str | Suite,
    out: str | Path | None = None,
    *,
    methods: Sequence[str] | None = None,
    datasets: Sequence[str] | None = None,
    seeds: int | None = None,
    full: bool = False,
    workers: int | None = None,
    device: str = "cpu",
    plugins: Sequence[str | Path] = (),
    retry_failed: bool = False,
) -> Run:
    """Run a suite, or finish it: finished cells that are still valid are kept.

    Args:
        suite: its name, a TOML file, or a `Suite`.
        out: the run's folder; default `runs/SUITE`.
        methods: rows to run in place of the suite's, as `name` or `name[key=value]`.
        datasets: those of the suite's datasets to run.
        seeds: how many, from 0.
        full: use every row of the datasets instead of the suite's subset.
        workers: processes at a time, one thread each; default one per core, or one on a CUDA device.
        device: where models are trained and rows scored: `cpu`, `cuda` or `cuda:1`.
        plugins: Python files that register methods.
        retry_failed: run cells again that failed.

    Raises:
        InputError: for an unknown name, a value out of range, or a dataset that cannot be loaded.
        OSError: if the folder cannot be written.
    """
    chosen = open_suite(suite, plugins).narrowed(
        methods=methods, datasets=datasets, seeds=seeds, full=full, device=device
    )
    cells, workers = chosen.cells(), worker_count(workers, device)
    for name in sorted({cell.method for cell in cells}):
        if find_method(name).function.__module__ == "__main__":
            raise InputError(f"{name} is defined in the script that runs: put it into a file and give plugins=[FILE]")
    finished = Run(Path(out) if out is not None else Path("runs") / chosen.name)
    packages = frozenset[str]().union(*(find_method(cell.method).packages(cell.hyperparameters) for cell in cells))
    finished.write_info(RunInfo(chosen, provenance(workers, device, packages), chosen.not_installed()))
    with progress(chosen.title) as shown, pool(workers, [Path(plugin).resolve() for plugin in plugins]) as submit:
        for package, rows in chosen.not_installed().items():
            shown.say(f"{package} is not installed, so these are left out: {', '.join(rows)}")
        prepare_problems(finished, chosen, submit, shown)
        _score(finished, chosen, cells, submit, shown, retry_failed)
    return finished


def open_suite(suite: str | Suite, plugins: Sequence[str | Path]) -> Suite:
    """The suite by its name or file, after the plug-ins have registered their methods."""
    for plugin in plugins:
        load_plugin(Path(plugin))
    return find_suite(suite) if isinstance(suite, str) else suite


def prepare_problems(run: Run, suite: Suite, submit: Submit, shown: Progress) -> None:
    """Load, train and cache the problems of a suite.

    Raises:
        InputError: if one of them cannot be prepared.
    """
    specs: list[ProblemSpec] = list(suite.problem_specs())
    shown.stage("preparing problems", len(specs))
    folder = str(run.folder.resolve())
    for slug, answer in submit({spec.slug: Job(folder, Prepare(spec, suite.views)) for spec in specs}, shown):
        if answer.status != "done":
            raise InputError(f"{slug} cannot be prepared: {answer.error}")


def work_through(
    run: Run, pending: Mapping[str, Cell], job: Callable[[Cell], Job], submit: Submit, shown: Progress
) -> None:
    """Score or estimate cells; a cell whose process does not end well is a result too."""
    names = list(pending)
    random.Random(0).shuffle(names)  # a slow drift of the machine falls on every method alike
    for name, answer in submit({name: job(pending[name]) for name in names}, shown):
        if answer.status != "done":
            run.write_cell(failure(run, pending[name], _status(answer), answer.error), None)


def _score(run: Run, suite: Suite, cells: list[Cell], submit: Submit, shown: Progress, retry_failed: bool) -> None:
    reasons = {
        str(cell): stale(run, cell) or ("it failed" if retry_failed and _failed(run, cell) else "") for cell in cells
    }
    pending = {str(cell): cell for cell in cells if reasons[str(cell)]}
    changed = {name: reason for name, reason in reasons.items() if reason not in ("", "new")}
    more = f" (and {len(changed) - SHOWN} more)" if len(changed) > SHOWN else ""
    for name, reason in list(changed.items())[:SHOWN]:
        shown.say(f"again: {name}, since {reason}{more}")
    shown.stage("scoring", len(cells), done=len(cells) - len(pending))
    folder = str(run.folder.resolve())
    work_through(run, pending, lambda cell: Job(folder, Score(cell, suite.memory_gib), suite.timeout), submit, shown)
    failed = sum(_failed(run, cell) for cell in cells)
    if failed:
        shown.say(f"{failed} of {len(cells)} cells failed: the report lists them; --retry-failed runs them again")


def _failed(run: Run, cell: Cell) -> bool:
    record = run.cell(cell)
    return record is not None and record.status != "ok"


def _status(answer: Answer) -> Status:
    if answer.status == "timeout":
        return "timeout"
    return "out of memory" if answer.error == "killed by signal 9" else "error"
