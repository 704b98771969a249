"""What is missing from a run, or contradicts itself in it."""

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from itertools import product
from math import isclose

import numpy as np

from ...bench.results.records import CellRecord, Cost
from ...bench.results.run import Run

OF_ROW = ("name", "family", "uses", "pairwise", "hyperparameters")  # what a row is the same in, on every problem


def faults(run: Run) -> list[str]:
    """A line for each cell or problem that the suite asks for and the run lacks, or has and the suite does not ask for.

    And for each record that does not fit its scores, its problem or itself.

    Raises:
        InputError: if a file of the run is damaged.
    """
    cells = run.cells()
    return [*_problems(run), *_rows(run, cells), *_grid(run, cells), *_cells(run, cells)]


def _problems(run: Run) -> Iterator[str]:
    suite = run.info.suite
    asked = {replace(problem, seed=seed).slug for problem in suite.problems for seed in range(suite.seeds)}
    there = {problem.spec.slug for problem in run.problems()}
    yield from (f"the problem {slug} of the suite is not there" for slug in sorted(asked - there))
    yield from (f"the problem {slug} is none of the suite's" for slug in sorted(there - asked))
    for problem in run.problems():
        arrays = dict(run.truths(problem.spec.slug))
        truth, kinds = arrays.pop("truth"), [*arrays.values()]
        if len(truth) != problem.n_train:
            yield f"{problem.spec.slug} has {problem.n_train} training rows, and a truth of {len(truth)}"
        elif truth.ndim == 1 and not np.array_equal(truth, np.any(kinds, axis=0)):
            yield f"the truth of {problem.spec.slug} is not its noise of all kinds"
        elif truth.ndim == 1 and not np.isclose(truth.mean(), problem.rate):
            yield f"the truth of {problem.spec.slug} has a noise rate of {truth.mean():g}, not of {problem.rate:g}"


def _rows(run: Run, cells: list[CellRecord]) -> Iterator[str]:
    """Rows by the names of their methods, since a report does not know how a method writes its hyperparameters."""
    suite, names = run.info.suite, {cell.method: cell.name for cell in cells}
    asked = [text.partition("[")[0] for text in suite.methods if not text.startswith("!")]
    absent = {name for lacking in run.info.not_installed.values() for name in lacking}
    for row, name in sorted(names.items()):
        if not any(fnmatch(name, pattern) for pattern in asked):
            yield f"the row {row} is none of the suite's"
    for name in asked:
        if "*" not in name and name not in {*names.values(), *absent}:
            yield f"the row {name} of the suite is not there"


def _grid(run: Run, cells: list[CellRecord]) -> Iterator[str]:
    """Every row is on every problem of its kind."""
    pairwise = {cell.method: cell.pairwise for cell in cells}
    problems = {problem.spec.slug: run.truth(problem.spec.slug).ndim > 1 for problem in run.problems()}
    there = {(cell.method, cell.problem) for cell in cells}
    for row, slug in product(sorted(pairwise), sorted(problems)):
        if pairwise[row] == problems[slug] and (row, slug) not in there:
            yield f"the cell {row} on {slug} is not there"


def _cells(run: Run, cells: list[CellRecord]) -> Iterator[str]:
    shapes = {problem.spec.slug: run.truth(problem.spec.slug).shape for problem in run.problems()}
    first: dict[str, CellRecord] = {}
    for cell in cells:
        other = first.setdefault(cell.method, cell)
        if any(getattr(cell, name) != getattr(other, name) for name in OF_ROW):
            yield f"{cell.method} is another method on {cell.problem} than on {other.problem}"
        if cell.scores and run.scores(cell).shape != shapes[cell.problem]:
            yield f"{cell.method} on {cell.problem} has scores of another shape than the truth"
        if cell.cost and not _agrees(cell.cost):
            yield f"the cost of {cell.method} on {cell.problem} is not the sum of its phases, or not that many epochs"


def _agrees(cost: Cost) -> bool:
    """Whether the phases make the seconds, and wall or CPU seconds the epochs."""
    phases = cost.gradients_seconds + cost.score_seconds + cost.retrain_seconds
    priced = cost.epochs * cost.epoch_seconds
    return isclose(cost.seconds, phases) and (isclose(priced, cost.seconds) or isclose(priced, cost.cpu_seconds))
