"""What a cell's record says before it has run, and whether it has to run again."""

from pathlib import Path
from typing import Any

from .. import fingerprint
from ..errors import InputError
from ..files import read_json
from ..registry.method import find_method
from ..registry.score import score
from ..results.run import Run
from ..results.specs import Cell


def outline(run: Run, cell: Cell) -> dict[str, Any]:
    """What a cell's record says before it has run: what it is, and what it depends on."""
    method = find_method(cell.method)
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
    method = find_method(cell.method)
    versions = fingerprint.versions(sorted(method.packages(cell.hyperparameters)))
    parts |= {f"version of {name}": version for name, version in versions.items()}
    code = fingerprint.code(score, *method.functions(cell.hyperparameters))
    return parts | {f"code of {module}": digest for module, digest in code.items()}


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
