"""Running a suite: what is missing or changed is done, each piece in a process of its own, several at a time."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import read_json, write_json
from ..progress import Progress, progress
from ..registry.method import find_method
from ..registry.plugins import load_plugin
from ..results.run import Run
from ..results.specs import Cell, ProblemSpec
from .pool import THREADS, Job, Submit, checked, pool
from .provenance import provenance
from .record import failure, stale
from .suite import Suite, describe, find

PREPARE_SECONDS = 24 * 3600.0


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
    """Run a suite, or finish it: cells that are there and still valid are kept.

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
    chosen = find_suite(suite, plugins).narrowed(
        methods=methods, datasets=datasets, seeds=seeds, full=full, device=device
    )
    cells, workers = chosen.cells(), checked(workers, device)
    finished = Run(Path(out) if out is not None else Path("runs") / chosen.name)
    what = {"title": chosen.title, "suite": chosen.name, "definition": describe(chosen)}
    what["not_installed"] = chosen.not_installed()
    packages = set[str]().union(*(find_method(cell.method).packages(cell.hyperparameters) for cell in cells))
    write_json(finished.folder / "run.json", what | provenance(workers, device, packages))
    with progress(chosen.title) as shown, pool(workers, [Path(p).resolve() for p in plugins]) as submit:
        for package, rows in chosen.not_installed().items():
            shown.say(f"{package} is not installed, so these are left out: {', '.join(rows)}")
        prepare_problems(finished, list(chosen.problem_specs()), submit, shown)
        _score(finished, chosen, cells, submit, shown, retry_failed)
    return finished


def find_suite(suite: str | Suite, plugins: Iterable[str | Path]) -> Suite:
    """The suite by its name or file, with the methods of the plug-ins registered."""
    for plugin in plugins:
        load_plugin(Path(plugin))
    return find(suite) if isinstance(suite, str) else suite


def prepare_problems(run: Run, specs: list[ProblemSpec], submit: "Submit", shown: Progress) -> None:
    """Load, train and cache problems."""
    shown.stage("preparing problems", len(specs))
    jobs = {spec.slug: _job(run, spec, kind="prepare", timeout=PREPARE_SECONDS) for spec in specs}
    for slug, answer in submit(jobs, shown):
        if answer["status"] != "done":
            raise InputError(f"{slug} cannot be prepared: {answer['error']}")


def _score(run: Run, suite: Suite, cells: list[Cell], submit: "Submit", shown: Progress, retry_failed: bool) -> None:
    reasons = {str(cell): stale(run, cell) or (retry_failed and _failed(run, cell) and "it failed") for cell in cells}
    pending = {str(cell): cell for cell in cells if reasons[str(cell)]}
    changed = {name: reason for name, reason in reasons.items() if reason and reason != "new"}
    for name, reason in list(changed.items())[:3]:
        shown.say(f"again: {name}, since {reason}" + (f" (and {len(changed) - 3} more)" if len(changed) > 3 else ""))
    shown.stage("scoring", len(cells), done=len(cells) - len(pending))
    limits = {"timeout": suite.timeout, "memory_gib": suite.memory_gib}
    work_through(run, pending, "score", limits, submit, shown)
    failed = sum(_failed(run, cell) for cell in cells)
    if failed:
        shown.say(f"{failed} of {len(cells)} cells failed: the report lists them; --retry-failed runs them again")


def work_through(run: Run, pending: dict[str, Cell], kind: str, limits: Job, submit: "Submit", shown: Progress) -> None:
    """Score or estimate cells; one whose process does not end well is a result too."""
    names = list(pending)
    random.Random(0).shuffle(names)  # a slow drift of the machine falls on every method alike
    jobs = {name: _job(run, pending[name].problem, kind=kind, **_what(pending[name]), **limits) for name in names}
    for name, answer in submit(jobs, shown):
        if answer["status"] != "done":
            status = "timeout" if answer["status"] == "timeout" else _died(answer["error"])
            run.write_cell(pending[name], failure(run, pending[name], status, answer["error"]), None)


def _what(cell: Cell) -> Job:
    return {"method": cell.method, "hyperparameters": cell.hyperparameters, "label": cell.label}


def _job(run: Run, spec: ProblemSpec, **more: Any) -> Job:
    return {"run": str(run.folder.resolve()), "problem": asdict(spec), "threads": THREADS, **more}


def _failed(run: Run, cell: Cell) -> bool:
    return bool(read_json(run.cell_file(cell.problem.slug, cell.label))["status"] != "ok")


def _died(reason: str) -> str:
    return "out of memory" if reason == "killed by signal 9" else "error"
