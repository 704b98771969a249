"""The kinds of work on a problem, each done in a process of its own: preparing it, scoring or estimating a cell."""

import traceback
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch

from ...datasets.dataset import load
from ..instruments import memory
from ..problem.problem import Problem
from ..results.records import Expected, ProblemRecord, Status
from ..results.run import Run
from ..results.specs import Cell, Precision
from ..training.prepare import facts_of, open_problem, prepared
from .cost import calibration_seconds, measured
from .estimate import estimate
from .jobs import Prepare
from .record import failure, outline
from .views import view

PRECISION: dict[Precision, torch.dtype] = {"single": torch.float32, "half": torch.bfloat16}


def prepare_problem(run: Run, work: Prepare) -> None:
    """Load, train and cache a problem; the run keeps where it lies and, if asked, what scores are compared with."""
    spec = work.problem
    data = load(spec.dataset, spec.noise, spec.rate, spec.seed, spec.size, work.salt)
    folder = prepared(data, spec.model, spec.seed, spec.device)
    facts = facts_of(folder)
    known = ProblemRecord(
        spec=spec,
        rate=data.card["rate"],
        n_train=len(data.train),
        parameters=facts.parameters,
        model_accuracy=facts.model_accuracy,
        folder=str(folder.resolve()),
        card=data.card,
    )
    shown = view(open_problem(folder, spec.device)) if work.view else None
    run.write_problem(known, {"truth": data.truth, **data.detriments} if work.with_truth else None, shown)


def score_cell(run: Run, cell: Cell, memory_gib: float) -> None:
    """Score a problem with a method, measured, and store the result; an error of the method is a result too."""
    problem = _opened(run, cell)
    memory.limit(int(memory_gib * 2**30))
    try:
        scores, cost, notes = measured(cell.method, cell.hyperparameters, problem)
    except Exception as error:  # failures of a method are results
        _write_failure(run, cell, error)
        return
    run.write_cell(replace(outline(run, cell), cost=cost, notes=notes), scores)


def estimate_cell(run: Run, cell: Cell, memory_gib: float) -> None:
    """Estimate what scoring a cell will cost, and store that in the place of the result.

    `cell_seconds` is the wall time of the cell as a whole: its problem is opened, the method warmed up, an epoch
    calibrated twice.
    """
    began = perf_counter()
    problem = _opened(run, cell)
    known = outline(run, cell)
    opening_seconds = perf_counter() - began
    memory.limit(int(memory_gib * 2**30))
    try:
        estimated = estimate(cell.method, problem, **cell.hyperparameters)
    except Exception as error:
        _write_failure(run, cell, error)
        return
    calibrating_seconds = 2 * calibration_seconds(problem, estimated.epoch_seconds)
    expected = Expected(
        seconds=estimated.seconds,
        epochs=estimated.epochs,
        peak_bytes=estimated.peak_bytes,
        epoch_seconds=estimated.epoch_seconds,
        cell_seconds=opening_seconds + estimated.first_seconds + calibrating_seconds + estimated.seconds,
        refused=estimated.refused,
    )
    run.write_cell(replace(known, expected=expected), None)


def _opened(run: Run, cell: Cell) -> Problem:
    return open_problem(
        Path(run.problem(cell.problem.slug).folder), cell.problem.device, PRECISION[cell.problem.precision]
    )


def _write_failure(run: Run, cell: Cell, error: Exception) -> None:
    short = " ".join(f"{type(error).__name__}: {error}".split())
    status: Status = "out of memory" if _is_memory(error) else "error"
    run.write_cell(failure(run, cell, status, short, traceback.format_exc()), None)


def _is_memory(error: Exception) -> bool:
    cause = error.__cause__ or error
    return isinstance(cause, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error).lower()
