"""What a cell's record says before it has run, and whether the cell has to run again."""

from dataclasses import replace
from pathlib import Path

from .. import fingerprint
from ..errors import InputError
from ..instruments.code import reached_code
from ..registry.method import METHODS, find_method
from ..registry.score import score
from ..results.records import CellRecord, Status
from ..results.run import Run
from ..results.specs import Cell


def outline(run: Run, cell: Cell, status: Status = "ok") -> CellRecord:
    """What is known of a cell before it has run: what it is, and what it depends on."""
    method = find_method(cell.method)
    return CellRecord(
        method=cell.label,
        name=cell.method,
        family=method.family,
        uses=sorted(method.uses_with(cell.hyperparameters)),
        pairwise=method.pairwise,
        hyperparameters=cell.hyperparameters,
        problem=cell.problem.slug,
        depends_on=dependencies(run, cell),
        status=status,
    )


def failure(run: Run, cell: Cell, status: Status, error: str, traceback: str = "") -> CellRecord:
    """The record of a cell that did not end well."""
    return replace(outline(run, cell, status), error=error, traceback=traceback)


def dependencies(run: Run, cell: Cell) -> dict[str, str]:
    """Everything that the scores depend on, as digests."""
    method, methods = find_method(cell.method), METHODS.all()
    by_name = {name: entry.function for name, entry in methods.items()}
    versions = fingerprint.versions(sorted(method.packages(cell.hyperparameters)))
    code = reached_code(score, *method.functions(cell.hyperparameters), by_name=by_name)
    return {
        "hyperparameters": repr(sorted(cell.hyperparameters.items())),
        "uses": ",".join(sorted(method.uses_with(cell.hyperparameters))),
        "problem": Path(run.problem(cell.problem.slug).folder).name,
        **{f"version of {name}": version for name, version in versions.items()},
        **{f"code of {module}": digest for module, digest in code.items()},
    }


def stale(run: Run, cell: Cell) -> str:
    """Why a cell has to run: "" if it need not, "new" if it never did, otherwise the first thing that has changed."""
    try:
        record = run.cell(cell)
        if record is None:
            return "new"
        if record.status == "ok":
            run.scores(record)
    except InputError:
        return "its record is damaged"
    before, now = record.depends_on, dependencies(run, cell)
    changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    return f"{changed[0]} changed" if changed else ""
