"""What a suite will cost, estimated before it runs: every row on every problem of the first seed."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd

from ..models.architecture import find_model
from ..progress import progress
from ..results.records import CellRecord
from ..results.run import Run
from ..results.specs import Cell, Precision
from .jobs import Estimate, Job
from .pool import pool, worker_count
from .runner import open_suite, prepare_problems, work_through
from .suite import Suite

PILOT_RUNS = 3  # time that all pilots of a method may take, in runs: see `estimate`


@dataclass(frozen=True)
class Plan:
    """What a suite is expected to cost, from pilot runs on its first seed.

    Attributes:
        frame: one row per problem and method: problem, method, seconds, epochs, peak_bytes, status, remark.
        seeds: how many the suite has.
        workers: processes at a time.
        scoring_seconds: wall time of scoring every cell of every seed.
        training_seconds: wall time of training the problems of every seed, if none of them is in the cache.
    """

    frame: pd.DataFrame
    seeds: int
    workers: int
    scoring_seconds: float
    training_seconds: float


def plan(
    suite: str | Suite,
    *,
    methods: Sequence[str] | None = None,
    datasets: Sequence[str] | None = None,
    seeds: int | None = None,
    full: bool = False,
    workers: int | None = None,
    device: str = "cpu",
    precision: Precision | None = None,
    plugins: Sequence[str | Path] = (),
) -> Plan:
    """Estimate what `run` would take with the same arguments; the problems of the first seed are prepared for it.

    Raises:
        InputError: as `run` does.
    """
    chosen = open_suite(suite, plugins).narrowed(
        methods=methods, datasets=datasets, seeds=seeds, full=full, device=device, precision=precision
    )
    first, workers = chosen.narrowed(seeds=1), worker_count(workers, device)
    cells = {str(cell): cell for cell in first.cells()}
    servers = pool(workers, [Path(plugin).resolve() for plugin in plugins])
    with tempfile.TemporaryDirectory() as folder, progress(f"Plan: {chosen.title}") as shown, servers as submit:
        trial = Run(Path(folder))
        prepare_problems(trial, first.problem_specs(), submit, shown)
        shown.stage("pilot runs", len(cells))

        def job(cell: Cell) -> Job:
            return Job(folder, Estimate(cell, chosen.memory_gib), PILOT_RUNS * chosen.timeout)

        work_through(trial, cells, job, submit, shown)
        records = {cell: record for cell in cells.values() if (record := trial.cell(cell)) is not None}
    share = chosen.seeds / workers
    wall = [_cell_seconds(chosen, record) for record in records.values()]
    return Plan(
        frame=_frame(chosen, records),
        seeds=chosen.seeds,
        workers=workers,
        scoring_seconds=max(sum(wall) * share, *wall),
        training_seconds=sum(_training_seconds(records)) * share,
    )


def _frame(suite: Suite, records: Mapping[Cell, CellRecord]) -> pd.DataFrame:
    """Problems in the suite's order, the slowest method first."""
    order = {problem.label: number for number, problem in enumerate(suite.problems)}
    frame = pd.DataFrame([_row(suite, cell, record) for cell, record in records.items()])
    frame["number"] = frame["problem"].map(order)
    by = ["number", "seconds"]
    return frame.sort_values(by, ascending=[True, False], kind="stable", ignore_index=True).drop(columns="number")


def _row(suite: Suite, cell: Cell, record: CellRecord) -> dict[str, Any]:
    expected, remarks = record.expected, [record.error.removeprefix("InputError: ")]
    if record.status == "timeout":
        remarks = [f"pilot runs {record.error}"]
    if expected is not None:
        remarks.append(expected.refused)
        if expected.seconds > suite.timeout:
            remarks.append(f"above the suite's limit of {suite.timeout:g} s")
        if expected.peak_bytes > suite.memory_gib * 2**30:
            remarks.append(f"above the suite's limit of {suite.memory_gib:g} GiB")
    return {
        "problem": cell.problem.label,
        "method": cell.label,
        "seconds": nan if expected is None else expected.seconds,
        "epochs": nan if expected is None else expected.epochs,
        "peak_bytes": nan if expected is None else expected.peak_bytes,
        "status": record.status,
        "remark": "; ".join(filter(None, remarks)),
    }


def _cell_seconds(suite: Suite, record: CellRecord) -> float:
    """Wall time of a cell: at most the limit, next to nothing if it fails at once."""
    if record.status == "timeout":
        return suite.timeout
    return 0.0 if record.expected is None else min(record.expected.cell_seconds, suite.timeout)


def _training_seconds(records: Mapping[Cell, CellRecord]) -> list[float]:
    """Wall time of the training of each problem, by the epochs of its recipe."""
    epoch_seconds = {
        cell.problem: record.expected.epoch_seconds for cell, record in records.items() if record.expected is not None
    }
    return [find_model(problem.model).recipe.epochs * seconds for problem, seconds in epoch_seconds.items()]
