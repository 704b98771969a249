"""What a suite will cost, told before it runs: an estimate of every row on every problem of the first seed."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..files import read_json
from ..models import architecture as models
from ..progress import progress
from ..results.run import Run
from ..results.specs import Cell
from .pool import checked, pool
from .runner import find_suite, prepare_problems, work_through
from .suite import Suite

Record = dict[str, Any]
PILOT_RUNS = 3  # what the pilots of a method may take in all, in runs: see `estimate`


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
    plugins: Sequence[str | Path] = (),
) -> Plan:
    """Estimate what `run` would take with the same arguments; the problems of the first seed are prepared for it.

    Raises:
        InputError: as `run` does.
    """
    chosen = find_suite(suite, plugins).narrowed(
        methods=methods, datasets=datasets, seeds=seeds, full=full, device=device
    )
    first, workers = chosen.narrowed(seeds=1), checked(workers, device)
    cells = {str(cell): cell for cell in first.cells()}
    limits = {"timeout": PILOT_RUNS * chosen.timeout, "memory_gib": chosen.memory_gib}
    servers = pool(workers, [Path(plugin).resolve() for plugin in plugins])
    with tempfile.TemporaryDirectory() as folder, progress(f"Plan: {chosen.title}") as shown, servers as submit:
        trial = Run(Path(folder))
        prepare_problems(trial, list(first.problem_specs()), submit, shown)
        shown.stage("pilot runs", len(cells))
        work_through(trial, cells, "estimate", limits, submit, shown)
        records = [(cell, read_json(trial.cell_file(cell.problem.slug, cell.label))) for cell in cells.values()]
    share = chosen.seeds / workers
    wall = [_cell_seconds(chosen, record) for _, record in records]
    return Plan(
        frame=_frame(chosen, records),
        seeds=chosen.seeds,
        workers=workers,
        scoring_seconds=max(sum(wall) * share, *wall),
        training_seconds=sum(_training_seconds(records)) * share,
    )


def _frame(suite: Suite, records: list[tuple[Cell, Record]]) -> pd.DataFrame:
    """Problems in the suite's order, the slowest method first."""
    order = {problem.label: number for number, problem in enumerate(suite.problems)}
    frame = pd.DataFrame([_row(suite, cell, record) for cell, record in records])
    frame["number"] = frame["problem"].map(order)
    by = ["number", "seconds"]
    return frame.sort_values(by, ascending=[True, False], kind="stable", ignore_index=True).drop(columns="number")


def _row(suite: Suite, cell: Cell, record: Record) -> Record:
    cost, remarks = record["cost"], [record["error"].removeprefix("InputError: ")]
    if record["status"] == "timeout":
        remarks = [f"pilot runs {record['error']}"]
    if cost:
        remarks.append(cost["refused"])
        if cost["seconds"] > suite.timeout:
            remarks.append(f"above the suite's limit of {suite.timeout:g} s")
        if cost["peak_bytes"] > suite.memory_gib * 2**30:
            remarks.append(f"above the suite's limit of {suite.memory_gib:g} GiB")
    return {
        "problem": cell.problem.label,
        "method": cell.label,
        **{name: cost.get(name, float("nan")) for name in ("seconds", "epochs", "peak_bytes")},
        "status": record["status"],
        "remark": "; ".join(filter(None, remarks)),
    }


def _cell_seconds(suite: Suite, record: Record) -> float:
    """What the cell will take of its worker: at most the limit, next to nothing if it fails at once."""
    if record["status"] == "timeout":
        return suite.timeout
    return min(float(record["cost"].get("cell_seconds", 0.0)), suite.timeout)


def _training_seconds(records: list[tuple[Cell, Record]]) -> list[float]:
    """What training each problem takes, by the epochs of its recipe."""
    epoch_seconds = {cell.problem: record["cost"]["epoch_seconds"] for cell, record in records if record["cost"]}
    return [models.find_model(problem.model).recipe.epochs * seconds for problem, seconds in epoch_seconds.items()]
