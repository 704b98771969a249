"""The commands on published runs: `publish`, `unpack` and `verify`."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from ..results import archive
from ..results.opening import ARCHIVE, open_run
from ..results.run import Run
from ..verification.removals import removal_faults
from ..verification.rerun import Again, drawn, rerun
from .console import Plugins, Workers, load_plugins


def publish(
    runs: Annotated[list[Path], typer.Argument(help="Folders of finished runs.")],
    out: Annotated[Path, typer.Option(help="Where to publish them.")],
) -> None:
    """Publish runs: their cells with raw scores in one file each, and the tables that follow.

    Several runs go into folders of their own, named by their suites, with the page of the paper's claims.
    """
    from ...reports.publishing.publish import publish as publish_runs

    opened = [open_run(folder) for folder in runs]
    for folder, run in zip(runs, opened, strict=True):
        for fault in removal_faults(run):
            raise InputError(f"{folder} cannot be published: {fault}")
    for place in publish_runs(opened, out):
        print(f"Published: {place}")


def unpack(
    folder: Annotated[Path, typer.Argument(help="The folder of a published run.")],
    out: Annotated[Path, typer.Option(help="The folder of the run; it must be empty.")],
) -> None:
    """Make a run of a published one, to go on with it."""
    print(f"Run: {archive.unpack(folder / ARCHIVE, out).folder}")


def verify(
    folder: Annotated[Path, typer.Argument(help="What is published: a run, or a folder with several.")],
    again: Annotated[int, typer.Option("--rerun", min=0, help="Run so many cells again, drawn at random.")] = 0,
    plugin: Plugins = None,
    workers: Workers = None,
) -> None:
    """Make published tables and verdicts again from their cells, and name each difference.

    The exit status is 1 if there is one.
    """
    from ...reports.publishing.verify import verify as verify_folder

    load_plugins(plugin)
    checked = verify_folder(folder)
    differences = checked.differences
    differences += [
        f"{place / ARCHIVE}: {fault}" for place, run in checked.runs.items() for fault in removal_faults(run)
    ]
    for line in differences:
        print(line)
    is_same = _run_again([*checked.runs.values()], again, plugin or [], workers)
    for picture in checked.skipped:
        print(f"{picture} is not compared: another version of Matplotlib drew it")
    print(f"{folder}: {checked.summary}")
    if differences or not is_same:
        raise SystemExit(1)


def _run_again(runs: list[Run], number: int, plugins: list[Path], workers: int | None) -> bool:
    """Run cells again and print how they compare; whether all are the same."""
    pairs, left_out = drawn(runs, number) if number else ([], [])
    for reason in left_out:
        print(reason)
    is_same = True
    for run in runs:
        cells = [cell for of, cell in pairs if of is run]
        for cell in cells:
            print(f"drawn: {cell.method} on {cell.problem}")
        for again in rerun(run, cells, plugins, workers) if cells else []:
            print(_compared(again))
            is_same &= not again.differences
    return is_same


def _compared(again: Again) -> str:
    here = f" ({'; '.join(again.changed)})" if again.changed else ""
    if not again.differences:
        return f"the same bits: {again.name}, for {again.cost:.2f} times the published epochs{here}"
    return f"DIFFERENT: {again.name}: {'; '.join(again.differences)}{here}"
