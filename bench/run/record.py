"""What a cell's record says before it has run, and whether the cell has to run again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import fingerprint
from ..errors import InputError
from ..instruments.code import reached_code
from ..registry.method import METHODS, Method, find_method
from ..registry.plugins import load_plugin
from ..registry.registry import Registry
from ..registry.score import score
from ..results.records import CellRecord, Status
from ..results.run import Run
from ..results.specs import Cell
from .jobs import Declared, Row
from .suite import Suite


def row_of(method: Method, hyperparameters: Mapping[str, Any]) -> Row:
    """A method with its hyperparameters, as this process knows it."""
    packages, uses = sorted(method.packages(hyperparameters)), sorted(method.uses_with(hyperparameters))
    by_name = {name: entry.function for name, entry in METHODS.all().items()}
    code = reached_code(score, *method.functions(hyperparameters), by_name=by_name)
    return Row(
        label=method.label(hyperparameters),
        name=method.name,
        hyperparameters=dict(hyperparameters),
        family=method.family,
        uses=list(uses),
        pairwise=method.pairwise,
        packages=packages,
        depends_on={
            "hyperparameters": repr(sorted(hyperparameters.items())),
            "uses": ",".join(uses),
            **{f"version of {name}": version for name, version in fingerprint.versions(packages).items()},
            **{f"code of {module}": digest for module, digest in code.items()},
        },
    )


def declared(suite: Suite, plugins: Sequence[str]) -> Declared:
    """Load the code of third parties into this process, which knows none of it, and return what their rows declare.

    A row is theirs if its method, or that of a row that it combines, was not known before.

    Args:
        suite: whose rows are asked for.
        plugins: Python files that register methods.

    Raises:
        InputError: if a plug-in fails to import, or as `Suite.rows` does.
    """
    ours = METHODS.all().keys()
    Registry.takes_third_parties = True
    METHODS.import_third_parties()
    for plugin in plugins:
        load_plugin(Path(plugin))
    theirs = [(method, given) for method, given in suite.rows().values() if not _names(method, given) <= ours]
    return Declared([row_of(method, given) for method, given in theirs], suite.not_installed())


def outline(run: Run, cell: Cell, status: Status = "ok", row: Row | None = None) -> CellRecord:
    """What is known of a cell before it has run: what it is, and what it depends on.

    Args:
        run: has the cell's problem.
        cell: the cell.
        status: how it ends.
        row: what its method declares; default: as this process knows it.
    """
    row = row or row_of(find_method(cell.method), cell.hyperparameters)
    return CellRecord(
        method=cell.label,
        name=cell.method,
        family=row.family,
        uses=row.uses,
        pairwise=row.pairwise,
        hyperparameters=cell.hyperparameters,
        problem=cell.problem.slug,
        depends_on=row.depends_on | {"problem": Path(run.problem(cell.problem.slug).folder).name},
        status=status,
    )


def failure(
    run: Run, cell: Cell, status: Status, error: str, traceback: str = "", row: Row | None = None
) -> CellRecord:
    """The record of a cell that did not end well."""
    return replace(outline(run, cell, status, row), error=error, traceback=traceback)


def stale(run: Run, cell: Cell, row: Row | None = None) -> str:
    """Why a cell has to run: "" if it need not, "new" if it never did, otherwise the first thing that has changed."""
    try:
        record = run.cell(cell)
        if record is None:
            return "new"
        if record.status == "ok":
            run.scores(record)
    except InputError:
        return "its record is damaged"
    before, now = record.depends_on, outline(run, cell, row=row).depends_on
    changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    return f"{changed[0]} changed" if changed else ""


def _names(method: Method, hyperparameters: Mapping[str, Any]) -> set[str]:
    """The names of a method and of the rows that it combines."""
    return {method.name}.union(*(_names(*row) for row in method.rows(hyperparameters)))
