"""Sealed runs: the process that keeps the truth from the methods of third parties.

Nothing in a process that runs somebody's code is hidden from that code. So this process never loads the code of third
parties, and nobody but it knows the salt on which everything random in the run's problems depends:

1. A server that loads the code of third parties says what their rows declare, and ends.
2. A salt is drawn. Servers that load no such code prepare the problems, without storing the truth, and end.
3. Servers that load it, but never see the salt, score the rows of third parties in a folder of their own, and end.
   Whatever these processes have started is killed. This process takes over their scores, costs and notes.
4. A digest of these scores and the salt are stored, then the truth, and the package's own methods are scored last.

So a published salt never makes problems that rows of third parties have yet to be scored on: where some of these are
missing, have changed or are to be tried again, the run begins anew, with a new salt.
"""

import hashlib
import os
import secrets
import shutil
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import numpy as np

from .. import fingerprint
from ..errors import InputError
from ..processes import end_children, keep_secrets
from ..progress import Progress, progress
from ..records import line, parsed, read
from ..registry.method import METHODS, find_method
from ..registry.registry import Registry
from ..results.records import RunInfo
from ..results.run import Run
from ..results.specs import Cell
from .jobs import DECLARED, Commission, Declare, Declared, Job, Kept, Row
from .pool import pool
from .provenance import provenance
from .record import failure, outline, stale
from .runner import (
    failed,
    known_info,
    prepare_problems,
    say_failures,
    say_not_installed,
    score_cells,
    scoring,
    work_through,
)
from .suite import is_generation
from .worker import run_forked

PARTS = ("cells", "problems", "trimmed")  # of a run's folder


def main() -> None:
    """Read a commission from standard input and answer it there; if the input ends before, stop in good order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the asker's to handle
    Registry.takes_third_parties = False
    keep_secrets()
    commission = parsed(Commission, sys.stdin.readline(), "the commission of a run")
    with suppress(KeyboardInterrupt, ConnectionError):
        try:
            answer = Kept(kept(commission))
        except (InputError, OSError) as error:
            answer = Kept(error=str(error))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(0, f"{line(answer)}\n".encode())


def kept(commission: Commission) -> bool:
    """Run a suite that may have rows of third parties; False, with nothing run, if it has none.

    Raises:
        InputError: as `run` does.
    """
    declared = _declared(commission)
    if not declared.rows:
        return False
    signal.signal(signal.SIGTERM, _interrupt)
    threading.Thread(target=_watch, daemon=True).start()
    run, suite, rows = Run(Path(commission.folder)), commission.suite, {row.label: row for row in declared.rows}
    theirs = [
        Cell(spec, row.name, row.hyperparameters, row.label)
        for spec in suite.problem_specs()
        for row in declared.rows
        if row.pairwise == is_generation(spec)
    ]
    ours = replace(suite, methods=tuple(filter(_is_ours, suite.methods))).cells()
    packages = {package for cell in ours for package in find_method(cell.method).packages(cell.hyperparameters)}
    packages.update(*(row.packages for row in declared.rows))
    origin = replace(provenance(commission.workers, commission.device, packages), command=commission.command)
    info, before = RunInfo(suite, origin, declared.not_installed, sealed=tuple(rows)), known_info(run)
    if not (before and before.sealed) and any(run.folder.glob("cells/*/*.json")):
        raise InputError(f"{run.folder} holds a run that is not sealed: give --out another folder, or remove it")

    def stands() -> bool:
        """Whether no row of third parties has yet to be scored."""
        lacking = (_is_lacking(run, cell, rows[cell.label], commission.retry_failed) for cell in theirs)
        return before is not None and before.salt != "" and not any(lacking)

    servers = pool(commission.workers, takes_third_parties=False)
    with progress(suite.title) as shown, servers as submit:
        say_not_installed(info, shown)
        if before and stands():
            prepare_problems(run, suite, submit, shown, before.salt)  # which shows if code that prepares has changed
        if before and stands():
            info = replace(info, salt=before.salt, sealed=before.sealed, sealed_scores=before.sealed_scores)
            run.write_info(info)
        else:
            if before:
                shown.say("sealed rows are missing, have changed or failed, so all is done again under a new salt")
            try:
                _seal(run, commission, info, theirs, rows, shown)
            finally:
                if salt := run.info.salt:
                    prepare_problems(run, suite, submit, shown, salt)
        score_cells(run, suite, ours, submit, shown, commission.retry_failed)
        say_failures(run, [*theirs, *ours], shown)
    return True


def _declared(commission: Commission) -> Declared:
    """What the methods of third parties declare.

    Raises:
        InputError: if their code fails, or the suite asks for a row that does not exist.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        answer = run_forked(Job(folder, Declare(commission.suite, commission.plugins)))
        end_children()
        if answer.status == "died":
            raise InputError(f"the methods of third parties cannot be loaded: their process ended with {answer.error}")
        if answer.status != "done":
            raise InputError(answer.error)
        declared = read(Declared, Path(folder) / DECLARED)
    return replace(declared, rows=[row for row in declared.rows if not _is_ours(row.label)])


def _seal(
    run: Run, commission: Commission, info: RunInfo, cells: Sequence[Cell], rows: Mapping[str, Row], shown: Progress
) -> None:
    """Draw a salt, prepare the problems, let third parties' rows be scored, and then store the salt."""
    _empty(run)
    run.write_info(info)
    salt = secrets.token_hex(16)
    shown.say(f"sealed: until {', '.join(rows)} are scored, nobody knows the salt of the noise")
    with pool(commission.workers, takes_third_parties=False) as submit:
        prepare_problems(run, commission.suite, submit, shown, salt, with_truth=False)
    problems = run.problems()
    contents = {Path(problem.folder): _content(Path(problem.folder)) for problem in problems}
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        theirs, is_complete = Run(Path(folder)), False
        for problem in problems:
            theirs.write_problem(problem, None)
        try:
            shown.stage("scoring rows of third parties", len(cells))
            with pool(commission.workers, [Path(plugin) for plugin in commission.plugins]) as submit:
                job = scoring(theirs, commission.suite)
                work_through(theirs, {str(cell): cell for cell in cells}, job, submit, shown, rows)
            is_complete = True
        finally:
            end_children()
            _empty(run)  # again: its place is no secret
            for problem in problems:
                run.write_problem(problem, None)
            for cell in cells:
                _take_over(theirs, run, cell, rows[cell.label], is_complete)
            for prepared, content in contents.items():
                if _content(prepared) != content:
                    shutil.rmtree(prepared, ignore_errors=True)  # it is prepared again
            run.write_info(replace(info, salt=salt, sealed_scores=run.digest_of(info.sealed)))


def _take_over(theirs: Run, run: Run, cell: Cell, row: Row, is_complete: bool) -> None:
    """Store what third parties' processes have left of a cell, if its scores are what they must be."""
    try:
        record = theirs.cell(cell)
        if record is None and not is_complete:
            return
        if record is None:
            raise InputError("the cell left no result")
        scores = theirs.scores(record) if record.status == "ok" else None
        counts = run.problem(cell.problem.slug).card["rows"]
        shape = (counts["train"], counts["valid"]) if row.pairwise else (counts["train"],)
        if scores is not None and (
            scores.dtype != np.float64 or scores.shape != shape or not np.isfinite(scores).all()
        ):
            raise InputError(f"the stored scores are not finite float64 {shape}")
    except (InputError, MemoryError) as error:
        run.write_cell(failure(run, cell, "error", str(error), row=row), None)
        return
    known = outline(run, cell, record.status, row)
    run.write_cell(
        replace(known, error=record.error, notes=record.notes, cost=record.cost, traceback=record.traceback), scores
    )


def _is_lacking(run: Run, cell: Cell, row: Row, retry_failed: bool) -> bool:
    """Whether a cell of third parties is missing, has changed, or failed and is to be tried again."""
    try:
        return bool(stale(run, cell, row)) or (retry_failed and failed(run, cell))
    except InputError:  # the problem's record is lost or damaged
        return True


def _is_ours(entry: str) -> bool:
    """Whether an entry of a suite names a row of the package alone; with a star or `!`, what it matches here is."""
    if "*" in entry or entry.startswith("!"):
        return True
    try:
        METHODS.parse(entry)
    except InputError:
        return False
    return True


def _empty(run: Run) -> None:
    for part in PARTS:
        shutil.rmtree(run.folder / part, ignore_errors=True)


def _content(folder: Path) -> str:
    """A digest of the files of a folder."""
    parts: list[str | bytes] = []
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        with file.open("rb") as stream:
            parts += [file.name, hashlib.file_digest(stream, "sha256").digest()]
    return fingerprint.digest(*parts)


def _watch() -> None:
    """Interrupt this process when its standard input ends: whoever asked is gone, or was interrupted."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, once."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
