"""A run on disk: a record and its arrays per cell, each file written whole or not at all.

RUN/run.json                          the suite, and where the figures come from
RUN/problems/PROBLEM.json, .npz       which prepared problem it is; the truth, for the metrics alone
RUN/problems/PROBLEM.view.npz         what a picture of the problem shows, if the suite asks for views
RUN/cells/PROBLEM/METHOD.json, .npy   what the cell cost and what it depended on; its scores
RUN/trimmed/trims.json                the commands that retrained models without suspects
RUN/trimmed/PROBLEM/DIGEST.json       one such training
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from glob import escape
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import fingerprint
from ..errors import InputError
from ..files import write
from ..records import Kind, plain, read
from ..records import write as write_record
from .metrics import evaluate
from .records import ArmRecord, CellRecord, ProblemRecord, Provenance, RunInfo, Trims
from .specs import Arm, Cell, file_name

MEND = "it was written by another version of influence-bench, or is damaged: run the suite again, which mends it"
AGAIN = "run the suite again, which mends it"
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Run:
    """A folder of results. Any number of processes may write to it and read from it at once."""

    folder: Path

    @property
    def info(self) -> RunInfo:
        """The suite, and where the figures come from."""
        return self._read(RunInfo, self.folder / "run.json")

    def cells(self) -> list[CellRecord]:
        """The record of each finished cell, failures included."""
        return [self._read_cell(file) for file in sorted((self.folder / "cells").glob("*/*.json"))]

    def problems(self) -> list[ProblemRecord]:
        """The record of each problem."""
        return [self._read(ProblemRecord, file) for file in sorted((self.folder / "problems").glob("*.json"))]

    def problem(self, slug: str) -> ProblemRecord:
        """The record of a problem."""
        return self._read(ProblemRecord, self.folder / "problems" / f"{slug}.json")

    def cell(self, cell: Cell) -> CellRecord | None:
        """The record of a cell; None if it has not run."""
        file = self._cell_file(cell.problem.slug, cell.label)
        return self._read_cell(file) if file.exists() else None

    def arms(self) -> list[ArmRecord]:
        """The record of each training without some rows."""
        return [self._read(ArmRecord, file) for file in sorted((self.folder / "trimmed").glob("*/*.json"))]

    def arm(self, arm: Arm) -> ArmRecord | None:
        """The record of a training without some rows; None if it has not run."""
        file = self._arm_file(arm)
        return self._read(ArmRecord, file) if file.exists() else None

    @property
    def trims(self) -> dict[str, Provenance]:
        """Where each command comes from that has retrained models here, by command."""
        file = self.folder / "trimmed" / "trims.json"
        mend = "remove it; it holds nothing but the commands that retrained models"
        return dict(read(Trims, file, mend).commands) if file.exists() else {}

    def frame(self) -> pd.DataFrame:
        """One row per cell: what it was, its detection metrics, its cost, its status, and the limits of the run.

        Raises:
            InputError: if a file has another version's form, or is damaged, or as `check_seal` does.
        """
        self.check_seal()
        suite = self.info.suite
        limits = {"limit_seconds": suite.timeout, "limit_bytes": suite.memory_gib * 2**30}
        return pd.DataFrame([self._row(record) | limits for record in self.cells()])

    def trimmed(self) -> pd.DataFrame:
        """One row per training without suspects (`trim`): problem and its seed, removal, budget, seed, accuracy.

        Raises:
            InputError: if a file has another version's form, or is damaged.
        """
        rows = []
        for arm in self.arms():
            problem = self.problem(arm.problem)
            named = {"problem": problem.spec.label, "problem_seed": problem.spec.seed, "n_train": problem.n_train}
            rows.append(plain(arm) | named)
        return pd.DataFrame(rows)

    def scores(self, record: CellRecord) -> NDArray[np.float64]:
        """The raw scores (n_train,), or (n_train, n_valid) of a pairwise method, of a cell that ended well.

        Raises:
            InputError: if the file of the scores is lost or not as it was written.
        """
        scores: NDArray[np.float64] = _scores(self.folder / "cells" / (record.scores or ""))
        return scores

    def scores_by_problem(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """The raw scores of all cells that ended well, by problem, seed included, and row."""
        scores: dict[str, dict[str, NDArray[np.float64]]] = {}
        for record in self.cells():
            if record.status == "ok":
                scores.setdefault(record.problem, {})[record.method] = self.scores(record)
        return scores

    def digest_of(self, rows: Collection[str]) -> str:
        """A digest of the stored scores of some rows."""
        cells = [cell for cell in self.cells() if cell.method in rows and cell.scores]
        parts = ((cell.problem, cell.method, self.scores(cell).tobytes()) for cell in cells)
        return fingerprint.digest(*(part for cell in parts for part in cell))

    def check_seal(self) -> None:
        """Check that the scores of sealed rows are those that were stored before the truth was known.

        Raises:
            InputError: if they are not, or if the truth is not known yet.
        """
        info = self.info
        if info.sealed and not info.salt:
            raise InputError(f"{self.folder} is a sealed run that was stopped before its truth was written: {AGAIN}")
        if info.sealed and self.digest_of(info.sealed) != info.sealed_scores:
            raise InputError(f"{self.folder}: the scores of sealed rows were changed after the truth was known")

    def truth(self, problem: str) -> NDArray[np.bool_]:
        """Which training rows are noisy (n_train,), or influence which validation row (n_train, n_valid)."""
        truth: NDArray[np.bool_] = self.truths(problem)["truth"]
        return truth

    def truths(self, problem: str) -> Arrays:
        """The `truth` of a problem, and each kind of noise by its name."""
        return _arrays(self._truth_file(problem))

    def view(self, problem: str) -> Arrays:
        """What a picture of a problem shows: `x`, `given` labels, gradients' `components` (n, 2) and their `shares`.

        Raises:
            InputError: if the suite did not ask for views.
        """
        file = self.folder / "problems" / f"{problem}.view.npz"
        if not file.exists():
            raise InputError(f"{self.folder} holds no view of {problem}: its suite does not say views = true")
        return _arrays(file)

    def write_info(self, info: RunInfo) -> None:
        """Store the suite, and where the figures come from."""
        write_record(info, self.folder / "run.json")

    def write_problem(self, record: ProblemRecord, truth: Arrays | None, view: Arrays | None = None) -> None:
        """Store a problem's record, the metrics' truth as `truth`, each kind of noise by its name, and a view.

        Without a truth, that of an earlier run is removed.
        """
        slug = record.spec.slug
        if truth is None:
            self._truth_file(slug).unlink(missing_ok=True)
        else:
            _write_arrays(self._truth_file(slug), truth)
        if view is not None:
            _write_arrays(self.folder / "problems" / f"{slug}.view.npz", view)
        write_record(record, self.folder / "problems" / f"{slug}.json")

    def write_cell(self, record: CellRecord, scores: NDArray[np.float64] | None) -> None:
        """Store a cell: first its scores under a name of their own, then the record that names them."""
        file = self._cell_file(record.problem, record.method)
        if scores is not None:
            name = f"{file.stem}.{_digest(scores)}.npy"
            write(file.with_name(name), lambda stream: np.save(stream, scores, allow_pickle=False))
            record = replace(record, scores=f"{file.parent.name}/{name}")
        write_record(record, file)
        for other in file.parent.glob(f"{escape(file.stem)}.*.npy"):
            if f"{file.parent.name}/{other.name}" != record.scores:
                other.unlink(missing_ok=True)

    def write_arm(self, arm: Arm, record: ArmRecord) -> None:
        """Store a training without some rows."""
        write_record(record, self._arm_file(arm))

    def write_trim(self, provenance: Provenance) -> None:
        """Store where retrained models come from."""
        try:
            before = self.trims
        except InputError:  # a damaged file: the trainings themselves are kept
            before = {}
        write_record(Trims(before | {provenance.command: provenance}), self.folder / "trimmed" / "trims.json")

    def _row(self, record: CellRecord) -> dict[str, Any]:
        problem = self.problem(record.problem)
        spec, cost = problem.spec, record.cost
        detected: Mapping[str, float] = {}
        if record.status == "ok" and record.scores is not None:
            truth = self._truth_file(record.problem)
            written = truth.stat().st_mtime_ns if truth.exists() else 0
            detected = _detection(self.folder / "cells" / record.scores, truth, written)
        return {
            "method": record.method,
            "name": record.name,
            "hyperparameters": record.hyperparameters,
            "family": record.family,
            "uses": ",".join(record.uses),
            "pairwise": record.pairwise,
            "problem": spec.label,
            "dataset": spec.dataset,
            "noise": spec.noise,
            "rate": problem.rate,
            "model": spec.model,
            "seed": spec.seed,
            "n_train": problem.n_train,
            "model_accuracy": problem.model_accuracy,
            **detected,
            **({} if cost is None else plain(cost)),
            "status": record.status,
            "error": record.error,
            "notes": record.notes,
        }

    def _read(self, kind: type[Kind], file: Path) -> Kind:
        return read(kind, file, MEND)

    def _read_cell(self, file: Path) -> CellRecord:
        """The record of a cell; if the cell ended well, it names scores of its own, and its cost is finite."""
        record = self._read(CellRecord, file)
        if record.status == "ok" and record.expected is None:
            is_own = (record.scores or "").startswith(f"{file.parent.name}/{file.stem}.")
            figures = [] if record.cost is None else [v for v in plain(record.cost).values() if isinstance(v, float)]
            if not is_own or not figures or not all(map(isfinite, figures)):
                raise InputError(f"{file} lacks its scores or its cost, or a figure is not finite: {MEND}")
        return record

    def _cell_file(self, problem: str, label: str) -> Path:
        return self.folder / "cells" / problem / f"{file_name(label)}.json"

    def _truth_file(self, problem: str) -> Path:
        return self.folder / "problems" / f"{problem}.npz"

    def _arm_file(self, arm: Arm) -> Path:
        name = fingerprint.digest(arm.removal, arm.budget, str(arm.seed))
        return self.folder / "trimmed" / arm.problem.slug / f"{name}.json"


@lru_cache(maxsize=10_000)
def _detection(scores: Path, truth: Path, _: int) -> Mapping[str, float]:
    """Detection metrics of stored scores, whose name is made of their content, by a truth of that time."""
    return MappingProxyType(evaluate(_scores(scores), _arrays(truth)["truth"]))


def _scores(file: Path) -> NDArray[np.float64]:
    """Stored scores, if they are what their name says.

    Raises:
        InputError: if not.
    """
    try:
        scores: NDArray[np.float64] = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"the scores {file} cannot be read ({' '.join(str(error).split())}): {AGAIN}") from error
    if file.name.split(".")[-2] != _digest(scores):
        raise InputError(f"the scores {file} are not those that were written: {AGAIN}")
    return scores


def _digest(scores: NDArray[np.float64]) -> str:
    return fingerprint.digest(scores.tobytes())[:8]


def _arrays(file: Path) -> Arrays:
    """The arrays of a compressed file.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise InputError(f"{file} cannot be read ({' '.join(str(error).split())}): {AGAIN}") from error


def _write_arrays(file: Path, arrays: Arrays) -> None:
    write(file, lambda stream: np.savez_compressed(stream, allow_pickle=False, **arrays))
