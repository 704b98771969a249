"""Published runs: the archive of each with the files that its figures give, and the page of the claims they test."""

from collections.abc import Sequence
from pathlib import Path

from ...bench.errors import InputError
from ...bench.files import write_bytes
from ...bench.records import write
from ...bench.results.archive import pack
from ...bench.results.opening import ARCHIVE, open_run
from ...bench.results.records import RunInfo, Trims
from ...bench.results.run import Run
from ..claims.page import markdown_files
from ..claims.sections import sections
from ..drawing import PAGE, image
from ..leaderboard import plots
from ..leaderboard.board import board_of
from ..page import tables
from ..trimming.gains import trimming_of
from .faults import faults


def publish(runs: Sequence[Run], out: Path) -> list[Path]:
    """Write the archives of runs, and the files that follow from them, into a folder.

    A single run goes into the folder itself. Each of several goes into a folder in it, which is named by its suite
    without the name of the outer folder in front, and the page of claims goes into the outer folder.

    Returns:
        The folders of the runs.

    Raises:
        InputError: if a run is not whole, two are of the same suite, or a folder holds a run that is not published.
    """
    names = [run.info.suite.name.removeprefix(f"{out.name}-") for run in runs]
    if len(set(names)) < len(names):
        raise InputError(f"two of these runs are of the same suite: {', '.join(sorted(names))}")
    places = [out] if len(runs) == 1 else [out / name for name in names]
    published = [_publish(run, place) for run, place in zip(runs, places, strict=True)]
    if len(runs) > 1:
        _write(page(published), out)
    return places


def files(run: Run) -> dict[str, bytes]:
    """The tables and the picture that are published with a run, by file name."""
    board = board_of(run.frame())
    picture = image(plots.cost(board, PAGE), "svg")
    return {**tables(board, [run], trimming_of([run])), "plots/cost-wide.svg": picture}


def records(run: Run) -> dict[str, RunInfo | Trims]:
    """The records that are published with a run, by file name."""
    trims = run.trims
    return {"run.json": run.info, **({"trims.json": Trims(trims)} if trims else {})}


def page(runs: Sequence[Run]) -> dict[str, bytes]:
    """The page of the claims that published runs test, in their order, with its pictures by file name."""
    judged = sections(runs)
    return markdown_files(judged) if judged else {}


def _publish(run: Run, out: Path) -> Run:
    if (out / "cells").exists():
        raise InputError(f"{out} is the folder of a run: choose another")
    if wrong := faults(run):
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise InputError(f"{run.folder} cannot be published: {wrong[0]}{more}")
    pack(run, out / ARCHIVE)
    published = open_run(out)  # as readers will see it
    for name, record in records(published).items():
        write(record, out / name)
    _write(files(published), out)
    return published


def _write(contents: dict[str, bytes], out: Path) -> None:
    for name, content in contents.items():
        write_bytes(out / name, content)
