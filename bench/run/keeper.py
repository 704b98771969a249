"""Sealed runs: the process that keeps the truth from the methods of third parties.

Nothing in a process that runs somebody's code is hidden from that code. So this process never loads the code of third
parties, and nobody but it knows the salt on which everything random in the run's problems depends:

1. A forked process loads the code of third parties, says what their rows declare, and ends.
2. A salt is drawn. Servers that load no such code prepare the problems, without storing the truth, and end.
3. Servers that load it, but never see the salt, score the rows of third parties in a folder of their own, and end.
   Whatever they have started is killed. Then this process takes over scores, costs and notes.
4. A digest of these scores and the salt are stored, then the truth, and the package's own methods are scored last.

Code that third parties leave behind for Python to load in 2 or 4 is looked for after 1 and 3, and ends the run.

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
from ..instruments import importable
from ..processes import end_children, keep_secrets
from ..progress import Progress, progress
from ..records import line, parsed, read
from ..registry.method import METHODS, find_method
from ..registry.registry import Registry
from ..results.records import RunInfo
from ..results.run import Run
from ..results.specs import Cell
from .jobs import DECLARED, DECLARING_SECONDS, Commission, Declare, Declared, Job, Kept, Row
from .pool import Submit, pool
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
        answer = _answer(commission)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(0, f"{line(answer)}\n".encode())


def _answer(commission: Commission) -> Kept:
    try:
        declared = _declared(commission)
        if declared.rows:
            signal.signal(signal.SIGTERM, _interrupt)
            threading.Thread(target=_watch, daemon=True).start()
            run_sealed(commission, declared)
    except (InputError, OSError) as error:
        return Kept(error=str(error))
    return Kept(bool(declared.rows))


def run_sealed(commission: Commission, declared: Declared) -> None:
    """Run a suite with rows of third parties, or finish it.

    Raises:
        InputError: as `run` does.
    """
    run, suite = Run(Path(commission.folder)), commission.suite
    ours = replace(suite, methods=tuple(filter(_is_ours, suite.methods))).cells()
    packages = {package for cell in ours for package in find_method(cell.method).packages(cell.hyperparameters)}
    packages.update(*(row.packages for row in declared.rows))
    origin = replace(provenance(commission.workers, commission.device, packages), command=commission.command)
    before = known_info(run)
    if any(run.folder.glob("cells/*/*.json")) and not (before and before.sealed):
        raise InputError(f"{run.folder} holds a run that is not sealed: give --out another folder, or remove it")
    sealed = _SealedRows(run, commission, declared.rows)
    servers = pool(commission.workers, takes_third_parties=False)
    with progress(suite.title) as shown, servers as submit:
        info = RunInfo(suite, origin, declared.not_installed)
        say_not_installed(info, shown)
        if before and before.salt and not sealed.are_lacking():
            # which shows if code that prepares has changed
            prepare_problems(run, suite.problem_specs(), submit, shown, before.salt, suite.views)
        if before and before.salt and not sealed.are_lacking():
            info = replace(info, salt=before.salt, sealed=before.sealed, sealed_scores=before.sealed_scores)
            run.write_info(info)
        else:
            if others := _rows_of(run) - {cell.label for cell in (*sealed.cells, *ours)}:
                mend = "ask for all rows again, or give --out another folder"
                raise InputError(f"{run.folder} would begin anew and lose {', '.join(sorted(others))}: {mend}")
            if before and before.sealed:
                shown.say("sealed rows are missing, have changed or failed, so all is done again under a new salt")
            sealed.seal(replace(info, sealed=tuple(sealed.rows)), submit, shown)
        score_cells(run, suite, ours, submit, shown, commission.retry_failed)
        say_failures(run, [*sealed.cells, *ours], shown)


def _declared(commission: Commission) -> Declared:
    """What the methods of third parties declare.

    Raises:
        InputError: if their code fails or leaves code behind, or the suite asks for a row that does not exist.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        before = importable.stamps()
        answer = run_forked(Job(folder, Declare(commission.suite, commission.plugins), DECLARING_SECONDS))
        end_children()
        importable.check_unwritten(before)
        if answer.status == "input error":
            raise InputError(answer.error)
        if answer.status != "done":
            raise InputError(f"the methods of third parties cannot be loaded: {answer.error}")
        declared = read(Declared, Path(folder) / DECLARED)
    return replace(declared, rows=[row for row in declared.rows if not _is_ours(row.label)])


class _SealedRows:
    """The rows of third parties in a run."""

    def __init__(self, run: Run, commission: Commission, rows: Sequence[Row]) -> None:
        self.run, self.commission, self.rows = run, commission, {row.label: row for row in rows}
        self.cells = [
            Cell(spec, row.name, row.hyperparameters, row.label)
            for spec in commission.suite.problem_specs()
            for row in rows
            if row.pairwise == is_generation(spec)
        ]

    def are_lacking(self) -> bool:
        """Whether a cell is missing, has changed, or failed and is to be tried again."""
        retry = self.commission.retry_failed
        try:
            return any(
                stale(self.run, cell, self.rows[cell.label]) or (retry and failed(self.run, cell))
                for cell in self.cells
            )
        except InputError:  # the record of a problem is lost or damaged
            return True

    def seal(self, info: RunInfo, submit: Submit, shown: Progress) -> None:
        """Let the rows be scored before the salt and then the truth are stored.

        Args:
            info: of the run, without a salt.
            submit: of servers that may know the truth, once the rows are scored.
            shown: the progress.
        """
        _empty(self.run)
        self.run.write_info(info)
        salt = secrets.token_hex(16)
        prepared = self.prepare(salt, shown)
        try:
            self.score(prepared, shown)
        finally:
            self.run.write_info(replace(info, salt=salt, sealed_scores=self.run.digest_of(info.sealed)))
            suite = self.commission.suite
            prepare_problems(self.run, suite.problem_specs(), submit, shown, salt, suite.views)

    def prepare(self, salt: str, shown: Progress) -> dict[Path, str]:
        """Prepare the problems, without storing the truth; return their folders, each with a digest of its content."""
        shown.say(f"sealed, so that nobody knows the noise until these rows are scored: {', '.join(self.rows)}")
        suite = self.commission.suite
        with pool(self.commission.workers, takes_third_parties=False) as submit:
            prepare_problems(self.run, suite.problem_specs(), submit, shown, salt, suite.views, with_truth=False)
        return {Path(problem.folder): _content(Path(problem.folder)) for problem in self.run.problems()}

    def score(self, prepared: Mapping[Path, str], shown: Progress) -> None:
        """Score the rows in a folder of their own, and take over the results once the processes have ended.

        What these processes could have changed elsewhere is removed: files in the run's folder, and prepared problems,
        which are then prepared again.

        Raises:
            InputError: if they have left code behind; no result is taken over.
        """
        problems, plugins = self.run.problems(), [Path(plugin) for plugin in self.commission.plugins]
        before = importable.stamps()
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            theirs, is_complete = Run(Path(folder)), False
            for problem in problems:
                theirs.write_problem(problem, None)
            try:
                shown.stage("scoring rows of third parties", len(self.cells))
                with pool(self.commission.workers, plugins) as submit:
                    pending, job = {str(cell): cell for cell in self.cells}, scoring(theirs, self.commission.suite)
                    work_through(theirs, pending, job, submit, shown, self.rows)
                is_complete = True
            finally:
                end_children()
                _empty(self.run)
                for problem in problems:
                    self.run.write_problem(problem, None)
                importable.check_unwritten(before)
                for cell in self.cells:
                    self.take_over(theirs, cell, is_complete)
                for place, content in prepared.items():
                    if _content(place) != content:
                        shutil.rmtree(place, ignore_errors=True)

    def take_over(self, theirs: Run, cell: Cell, is_complete: bool) -> None:
        """Store what is left of a cell, under the names that are known, if its scores are what they must be."""
        row = self.rows[cell.label]
        try:
            record = theirs.cell(cell)
            if record is None and not is_complete:
                return
            if record is None:
                raise InputError("the cell left no result")
            scores = theirs.scores(record) if record.status == "ok" else None
            counts = self.run.problem(cell.problem.slug).card["rows"]
            shape = (counts["train"], counts["valid"]) if row.pairwise else (counts["train"],)
            if scores is not None and not (
                scores.dtype == float and scores.shape == shape and np.isfinite(scores).all()
            ):
                raise InputError(f"the stored scores are not finite float64 {shape}")
        except (InputError, MemoryError) as error:
            self.run.write_cell(failure(self.run, cell, "error", str(error), row=row), None)
            return
        left = {name: getattr(record, name) for name in ("error", "notes", "cost", "traceback")}
        self.run.write_cell(replace(outline(self.run, cell, record.status, row), **left), scores)


def _is_ours(entry: str) -> bool:
    """Whether an entry of a suite names a row of the package alone; with a star or `!`, what it matches here is."""
    if "*" in entry or entry.startswith("!"):
        return True
    try:
        METHODS.parse(entry)
    except InputError:
        return False
    return True


def _rows_of(run: Run) -> set[str]:
    """The rows that a run holds; none, if a record is damaged."""
    with suppress(InputError):
        return {record.method for record in run.cells()}
    return set()


def _empty(run: Run) -> None:
    for part in PARTS:
        shutil.rmtree(run.folder / part, ignore_errors=True)


def _content(folder: Path) -> str:
    """A digest of the files of a folder."""
    parts: list[str | bytes] = []
    for file in sorted(file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()):
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
