"""The kinds of work of a run, each done in a process of its own: preparing a problem, scoring or estimating a cell."""

import traceback
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from ...datasets import dataset as datasets
from ..files import read_json
from ..instruments import memory
from ..results.run import Run
from ..results.specs import Cell, ProblemSpec
from ..training.prepare import open_problem, prepared, record
from .cost import CALIBRATION_BATCHES, CALIBRATION_SECONDS, measured
from .estimate import estimate
from .record import failure, outline


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


def _is_memory(error: Exception) -> bool:
    cause = error.__cause__ or error
    return isinstance(cause, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error).lower()
