"""Results on disk: one pair of files per cell, written at once or not at all.

RUN/run.json                          the suite, the machine, the versions, the command
RUN/problems/PROBLEM.json, .npz       which prepared problem it is; the truth, for the metrics alone
RUN/cells/PROBLEM/METHOD.json, .npy   what the cell cost and what it depended on; its scores
RUN/trimmed/trims.json                the commands that retrained models without suspects
RUN/trimmed/PROBLEM/DIGEST.json       one such training
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import fingerprint
from ..errors import InputError
from ..files import read_json, write, write_json
from .metrics import evaluate
from .specs import Cell, ProblemSpec, file_name

ABOUT = ("title", "suite", "definition", "command", "created", "machine", "versions", "commit")
"""What a run's record says at least."""


@dataclass(frozen=True)
class Run:
    """A folder of results. Any number of processes may write to it and read from it at once."""

    folder: Path

    @property
    def info(self) -> dict[str, Any]:
        """Title, suite, command, machine, versions and date of the run."""
        return read_json(self.folder / "run.json")

    def records(self) -> list[dict[str, Any]]:
        """What is stored of each finished cell, failures included."""
        return [read_json(file) for file in sorted((self.folder / "cells").glob("*/*.json"))]

    def frame(self) -> pd.DataFrame:
        """One row per cell: what it was, its detection metrics, its cost, its status.

        Raises:
            InputError: if another version has written what cannot be read.
        """
        with self._of_this_version():
            return pd.DataFrame([self._row(record) for record in self.records()])

    def trimmed(self) -> pd.DataFrame:
        """One row per training without suspects (`trim`): problem and its seed, removal, budget, seed, accuracy.

        Raises:
            InputError: if another version has written what cannot be read.
        """
        with self._of_this_version():
            return pd.DataFrame([self._trained(file) for file in sorted((self.folder / "trimmed").glob("*/*.json"))])

    @property
    def trims(self) -> dict[str, dict[str, Any]]:
        """Date, commit, machine and versions of each command that has retrained models here, by command."""
        file = self.folder / "trimmed" / "trims.json"
        return read_json(file) if file.exists() else {}

    def write_trim(self, provenance: dict[str, Any]) -> None:
        """Store where retrained models come from."""
        write_json(self.folder / "trimmed" / "trims.json", self.trims | {provenance["command"]: provenance})

    @contextmanager
    def _of_this_version(self) -> Iterator[None]:
        try:
            yield
        except (LookupError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            said = " ".join(f"{type(error).__name__}: {error}".split())
            raise InputError(
                f"{self.folder} was written by another version of influence-bench, or is damaged ({said}): "
                "run its suite again, into another folder"
            ) from error

    def _trained(self, file: Path) -> dict[str, Any]:
        result = read_json(file)
        problem = read_json(self.folder / "problems" / f"{result.pop('problem')}.json")
        whole = {"problem": problem["label"], "problem_seed": problem["seed"], "n_train": problem["n_train"]}
        return whole | result

    def scores(self, record: dict[str, Any]) -> NDArray[np.float64]:
        """The raw scores (n_train,), or (n_train, n_valid) of a pairwise method, of a finished cell."""
        scores: NDArray[np.float64] = np.load(self.folder / "cells" / record["scores"], allow_pickle=False)
        return scores

    def scores_by_problem(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """The raw scores of all cells that ended well, by problem, seed included, and row."""
        scores: dict[str, dict[str, NDArray[np.float64]]] = {}
        for record in self.records():
            if record["status"] == "ok":
                scores.setdefault(record["problem"], {})[record["method"]] = self.scores(record)
        return scores

    def truth(self, problem: str) -> NDArray[np.bool_]:
        """What scores are held against: which training rows carry a wrong label, or influence which validation row."""
        with np.load(self.folder / "problems" / f"{problem}.npz", allow_pickle=False) as arrays:
            truth: NDArray[np.bool_] = arrays["truth"]
        return truth

    def _row(self, record: dict[str, Any]) -> dict[str, Any]:
        problem = read_json(self.folder / "problems" / f"{record['problem']}.json")
        row = {key: record[key] for key in ("method", "name", "hyperparameters", "family", "uses")}
        row["problem"] = problem["label"]
        row |= {key: problem[key] for key in ("dataset", "noise", "rate", "model", "seed", "n_train", "model_accuracy")}
        detected: Mapping[str, float] = {}
        if record["status"] == "ok":
            truth = self.folder / "problems" / f"{record['problem']}.npz"
            detected = _detection(self.folder / "cells" / record["scores"], truth, truth.stat().st_mtime_ns)
        row |= detected | record["cost"] | {key: record[key] for key in ("status", "error", "notes")}
        return row

    def problem_file(self, spec: ProblemSpec) -> Path:
        """Where the record of a problem lies."""
        return self.folder / "problems" / f"{spec.slug}.json"

    def cell_file(self, problem: str, label: str) -> Path:
        """Where the record of a cell lies."""
        return self.folder / "cells" / problem / f"{file_name(label)}.json"

    def write_problem(self, spec: ProblemSpec, record: dict[str, Any], truth: Mapping[str, NDArray[np.bool_]]) -> None:
        """Store a problem's record, what scores are held against as `truth`, and each kind of noise by its name."""
        file = self.problem_file(spec)
        write(file.with_suffix(".npz"), lambda stream: np.savez_compressed(stream, allow_pickle=False, **truth))
        write_json(file, record)

    def write_cell(self, cell: Cell, record: dict[str, Any], scores: NDArray[np.float64] | None) -> None:
        """Store a cell: first its scores under a name of their own, then the record that names them."""
        file = self.cell_file(cell.problem.slug, cell.label)
        before = read_json(file).get("scores") if file.exists() else None
        if scores is not None:
            name = f"{file.stem}.{fingerprint.digest(scores.tobytes())[:8]}.npy"
            write(file.with_name(name), lambda stream: np.save(stream, scores, allow_pickle=False))
            record = record | {"scores": f"{file.parent.name}/{name}"}
        write_json(file, record)
        if before and before != record.get("scores"):
            (self.folder / "cells" / before).unlink(missing_ok=True)


@lru_cache(maxsize=10_000)
def _detection(scores: Path, truth: Path, _: int) -> Mapping[str, float]:
    """Detection metrics of stored scores, whose name tells their content, by a truth of that time."""
    with np.load(truth, allow_pickle=False) as arrays:
        return MappingProxyType(evaluate(np.load(scores, allow_pickle=False), arrays["truth"]))


def open_run(folder: str | Path) -> Run:
    """The run in a folder.

    Raises:
        InputError: if there is none, or one of another version.
    """
    run = Run(Path(folder))
    if not (run.folder / "run.json").is_file():
        raise InputError(
            f"{folder} is not a run: it has no run.json; make one with influence-bench run SUITE --out {folder}"
        )
    if missing := [key for key in ABOUT if key not in run.info]:
        raise InputError(
            f"{folder} was written by another version of influence-bench: its run.json lacks {', '.join(missing)}; run "
            "its suite again, into another folder"
        )
    return run
