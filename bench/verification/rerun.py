"""Cells of a published run, run again: whether their scores, their problem and its truth come out as they were."""

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..instruments import accelerator, machine
from ..progress import progress
from ..registry.method import METHODS
from ..results.records import CellRecord
from ..results.run import Run
from ..results.specs import Cell
from ..run.pool import pool, worker_count
from ..run.runner import prepare_problems, scoring, work_through


@dataclass(frozen=True)
class Again:
    """A cell that was run again.

    Attributes:
        name: the row, and the problem.
        differences: of its scores, its problem's truth and accuracy, and how it ended; empty if all is the same bits.
        changed: versions, code and machine that differ, each old and new.
        cost: epochs now, over those published; NaN if the cell did not end well now.
    """

    name: str
    differences: list[str]
    changed: list[str]
    cost: float


def drawn(runs: Sequence[Run], number: int) -> tuple[list[tuple[Run, CellRecord]], list[str]]:
    """Some cells at random, of those that ended well and whose methods this process knows.

    Returns:
        Each with its run; and why rows cannot be drawn, a line for each.
    """
    cells = [(run, cell) for run in runs for cell in run.cells() if cell.status == "ok"]
    reasons = {cell.method: _unknown(cell) for _, cell in cells}
    known = [pair for pair in cells if not reasons[pair[1].method]]
    return random.sample(known, min(number, len(known))), [reason for reason in reasons.values() if reason]


def _unknown(cell: CellRecord) -> str:
    """Why this process cannot run a cell; "" if it can."""
    if cell.name not in METHODS.all():
        return f"{cell.method} is not drawn: this process knows no method {cell.name}; --plugin FILE loads a plug-in's"
    try:
        METHODS.find(cell.name).checked(cell.hyperparameters)
    except InputError as error:
        return f"{cell.method} is not drawn: {error}"
    return ""


def rerun(
    run: Run, cells: Sequence[CellRecord], plugins: Sequence[Path] = (), workers: int | None = None
) -> list[Again]:
    """Prepare the problems of some cells again with the salt of their run, and score the cells again.

    Args:
        run: which they are of.
        cells: which ended well.
        plugins: Python files that register methods, which this process has loaded too.
        workers: processes at a time.

    Raises:
        InputError: if a problem cannot be prepared.
    """
    info = run.info
    specs = {cell.problem: run.problem(cell.problem).spec for cell in cells}
    named = [Cell(specs[cell.problem], cell.name, cell.hyperparameters, cell.method) for cell in cells]
    workers = worker_count(workers, named[0].problem.device)
    with (
        tempfile.TemporaryDirectory() as folder,
        progress(f"Again: {info.suite.title}") as shown,
        pool(workers, [plugin.resolve() for plugin in plugins]) as submit,
    ):
        trial = Run(Path(folder))
        prepare_problems(trial, specs.values(), submit, shown, info.salt)
        shown.stage("scoring", len(named))
        work_through(trial, {str(cell): cell for cell in named}, scoring(trial, info.suite), submit, shown)
        return [_compared(run, trial, before, trial.cell(cell)) for before, cell in zip(cells, named, strict=True)]


def _compared(run: Run, trial: Run, before: CellRecord, after: CellRecord | None) -> Again:
    name, slug = f"{before.method} on {before.problem}", before.problem
    if after is None or after.status != "ok" or before.cost is None or after.cost is None:
        fault = "it left no record" if after is None else f"it ended with {after.status}: {after.error}"
        return Again(name, [fault], _changed(run, before, after or before), nan)
    differences = _score_differences(run.scores(before), trial.scores(after))
    if not np.array_equal(run.truth(slug), trial.truth(slug)):
        differences.append("the truth of its problem is another")
    if (accuracy := trial.problem(slug).model_accuracy) != (published := run.problem(slug).model_accuracy):
        differences.append(f"the test accuracy of its model is {accuracy}, published {published}")
    if differences and before.depends_on.get("problem") != after.depends_on["problem"]:
        differences.append("its problem is another: its rows, its model or the code that trains it")
    return Again(name, differences, _changed(run, before, after), after.cost.epochs / before.cost.epochs)


def _score_differences(before: NDArray[np.float64], after: NDArray[np.float64]) -> list[str]:
    if before.shape != after.shape:
        return [f"{after.shape} scores, published {before.shape}"]
    differing = before != after
    if not differing.any():
        return []
    a, b = before[differing], after[differing]
    largest = (np.abs(a - b) / np.maximum(np.abs(a), np.abs(b))).max()
    return [f"{differing.sum():,} of {before.size:,} scores differ, by at most {largest:.2g} of themselves"]


def _changed(run: Run, before: CellRecord, after: CellRecord) -> list[str]:
    """What differs in the machine, in versions and in code."""
    ran, device = run.info.provenance, run.problem(before.problem).spec.device
    settings = [
        ("processor", ran.machine.get("processor"), machine.describe()["processor"]),
        ("device", ran.device, accelerator.device_name(accelerator.device(device))),
    ]
    changed = sorted(after.depends_on.items() - before.depends_on.items())
    settings += [
        (key.removeprefix("version of "), before.depends_on.get(key, "unknown"), version)
        for key, version in changed
        if key.startswith("version of ")
    ]
    code = sum(key.startswith("code of ") for key, _ in changed)
    differing = [f"{name} {old}, here {new}" for name, old, new in settings if old != new]
    return [*differing, *([f"other code in {code} modules"] if code else [])]
