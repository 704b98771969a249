"""The kinds of work of a run, each done in a process of its own: preparing a problem, scoring or estimating a cell."""

import traceback
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from ..datasets import dataset as datasets
from . import fingerprint, memory
from .errors import InputError
from .estimate import estimate
from .measure import CALIBRATION_BATCHES, CALIBRATION_SECONDS, measured
from .prepare import open_problem, prepared, record
from .registry import find
from .results import Run, read_json
from .suite import Cell, ProblemSpec


def prepare_problem(run: Run, spec: ProblemSpec) -> None:
    """Load, train and cache a problem; the run keeps where it lies and what scores are held against."""
    data = datasets.load(spec.dataset, spec.noise, spec.rate, spec.seed, spec.size)
    folder = prepared(data, spec.model, spec.seed, spec.device)
    trained = record(folder)
    known = {
        "spec": asdict(spec),
        "label": spec.label,
        "dataset": spec.dataset,
        "noise": spec.noise,
        "rate": data.card["rate"],
        "model": spec.model,
        "seed": spec.seed,
        "n_train": len(data.train),
        "parameters": trained["parameters"],
        "model_accuracy": trained["model_accuracy"],
        "folder": str(folder.resolve()),
        "card": data.card,
    }
    run.write_problem(spec, known, {"truth": data.truth, **data.detriments})


def score_cell(run: Run, cell: Cell, memory_gib: float) -> None:
    """Score a problem with a method, measured, and store the result; what the method raises is a result too."""
    problem = open_problem(Path(read_json(run.problem_file(cell.problem))["folder"]), cell.problem.device)
    memory.limit(int(memory_gib * 2**30))
    try:
        scores, cost = measured(cell.method, cell.hyperparameters, problem)
    except Exception as error:  # failures of a method are results
        _write_failure(run, cell, error)
        return
    notes = cost.pop("notes")
    run.write_cell(cell, outline(run, cell) | {"status": "ok", "error": "", "notes": notes, "cost": cost}, scores)


def estimate_cell(run: Run, cell: Cell, memory_gib: float) -> None:
    """Estimate what scoring a cell will cost, and store that in the place of the result.

    `cell_seconds` is the wall time of the cell as a whole: its problem is opened, the method warmed up, an epoch
    calibrated twice.
    """
    began = perf_counter()
    problem = open_problem(Path(read_json(run.problem_file(cell.problem))["folder"]), cell.problem.device)
    known = outline(run, cell)
    opening_seconds = perf_counter() - began
    memory.limit(int(memory_gib * 2**30))
    try:
        expected = estimate(cell.method, problem, **cell.hyperparameters)
    except Exception as error:
        _write_failure(run, cell, error)
        return
    batch_seconds = expected.epoch_seconds * problem.batch_size / expected.n
    calibration_seconds = 2 * max(CALIBRATION_SECONDS, CALIBRATION_BATCHES * batch_seconds)
    cell_seconds = opening_seconds + expected.first_seconds + calibration_seconds + expected.seconds
    cost = asdict(expected) | {"cell_seconds": cell_seconds}
    run.write_cell(cell, known | {"status": "ok", "error": "", "notes": "", "cost": cost}, None)


def _write_failure(run: Run, cell: Cell, error: Exception) -> None:
    short = " ".join(f"{type(error).__name__}: {error}".split())
    status = "out of memory" if _is_memory(error) else "error"
    run.write_cell(cell, failure(run, cell, status, short, traceback.format_exc()), None)


def outline(run: Run, cell: Cell) -> dict[str, Any]:
    """What a cell's record says before it has run: what it is, and what it depends on."""
    method = find(cell.method)
    return {
        "method": cell.label,
        "name": cell.method,
        "family": method.family,
        "uses": ",".join(sorted(method.uses_with(cell.hyperparameters))),
        "hyperparameters": cell.hyperparameters,
        "problem": cell.problem.slug,
        "depends_on": dependencies(run, cell),
    }


def failure(run: Run, cell: Cell, status: str, error: str, details: str = "") -> dict[str, Any]:
    """The record of a cell that did not end well."""
    return outline(run, cell) | {"status": status, "error": error, "notes": "", "cost": {}, "traceback": details}


def dependencies(run: Run, cell: Cell) -> dict[str, str]:
    """All that the scores depend on, part by part."""
    parts = {
        "hyperparameters": repr(sorted(cell.hyperparameters.items())),
        "problem": Path(read_json(run.problem_file(cell.problem))["folder"]).name,
    }
    method = find(cell.method)
    versions = fingerprint.versions(sorted(method.packages(cell.hyperparameters)))
    parts |= {f"version of {name}": version for name, version in versions.items()}
    for module in sorted(method.modules(cell.hyperparameters)):
        parts |= {f"code of {name}": code for name, code in fingerprint.code(module).items()}
    return parts


def stale(run: Run, cell: Cell) -> str:
    """Why a cell has to run: "" if it need not, "new" if it never did, else the first thing that has changed."""
    file = run.cell_file(cell.problem.slug, cell.label)
    if not file.exists():
        return "new"
    try:
        before, now = read_json(file)["depends_on"], dependencies(run, cell)
    except (InputError, KeyError):
        return "its record is damaged"
    changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    return f"{changed[0]} changed" if changed else ""


def _is_memory(error: Exception) -> bool:
    cause = error.__cause__ or error
    return isinstance(cause, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error).lower()
