"""A run as a table: a row is a record of the run, an array, or a record with its array.

kind      problem  row      seed         name      record                                  array
run                                                the suite, and where figures come from
trims                                              the commands that retrained models
problem   slug              of problem             which prepared problem it is
truth     slug              of problem   truth …                                           which rows are noisy
view      slug              of problem   x …                                               what a picture shows
cell      slug     method   of problem             what the cell cost and depended on      its scores
training  slug     removal  of training  budget    a model trained without some rows

Folders of the machine that ran do not travel: an absolute path in a command, an error, a note or a traceback keeps its
last part, and a problem's folder keeps its name, which is a digest. A path among the arguments of a dataset names the
problem and stays.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import fingerprint
from ..errors import InputError
from ..records import line, parsed
from .records import ArmRecord, CellRecord, ProblemRecord, Provenance, RunInfo, Trims
from .run import Run
from .specs import Arm, Cell, ProblemSpec

FOLDERS = re.compile(r"(?<![\w./:])/(?:[^\s/:'\"\[\](){},=]+/)+")
"""The folders of an absolute path; no part of an address in the web, of a fraction or of a relative path."""
NOTHING = np.zeros(0)


class Entry(NamedTuple):
    """A row of the table. Without an array it holds an empty one."""

    kind: str
    problem: str = ""
    row: str = ""
    seed: int | None = None
    name: str = ""
    record: str = ""
    array: NDArray[Any] = NOTHING

    def __str__(self) -> str:
        words = [self.kind, self.row, self.name, f"of {self.problem}" if self.problem else ""]
        return " ".join(filter(None, words))

    @property
    def place(self) -> tuple[str, ...]:
        """What distinguishes the row from every other."""
        return self.kind, self.problem, self.row, str(self.seed), self.name

    @property
    def digest(self) -> str:
        """A digest of the row."""
        array = self.array
        return fingerprint.digest(*self.place, self.record, array.dtype.name, str(array.shape), array.tobytes())


def entries_of(run: Run) -> Iterator[Entry]:
    """The rows of a run, problems before what is on them.

    Raises:
        InputError: if a file of the run is damaged or of another version.
    """
    yield Entry("run", record=line(replace(run.info, provenance=_placeless(run.info.provenance))))
    if trims := [_placeless(trim) for trim in run.trims.values()]:
        yield Entry("trims", record=line(Trims({trim.command: trim for trim in trims})))
    for problem in run.problems():
        slug, seed = problem.spec.slug, problem.spec.seed
        yield Entry("problem", slug, "", seed, "", line(replace(problem, folder=Path(problem.folder).name)))
        for name, array in run.truths(slug).items():
            yield Entry("truth", slug, "", seed, name, "", array)
        for name, array in (run.view(slug) if run.info.suite.views else {}).items():
            yield Entry("view", slug, "", seed, name, "", array)
    for cell in run.cells():
        error, notes, traceback = (FOLDERS.sub("", text) for text in (cell.error, cell.notes, cell.traceback))
        record = line(replace(cell, error=error, notes=notes, traceback=traceback))
        seed, scores = run.problem(cell.problem).spec.seed, run.scores(cell) if cell.scores else NOTHING
        yield Entry("cell", cell.problem, cell.method, seed, "", record, scores)
    for arm in run.arms():
        yield Entry("training", arm.problem, arm.removal, arm.seed, arm.budget, line(arm))


def write_entries(entries: Sequence[Entry], run: Run, source: str) -> None:
    """Write a run's rows into its folder, which is empty.

    Args:
        entries: as `entries_of` gives them.
        run: where to write them.
        source: where the rows are from, for errors.

    Raises:
        InputError: if a row is of another version, stands twice or in a wrong place, or lacks another that it needs.
    """
    specs: dict[str, ProblemSpec] = {}
    arrays: defaultdict[tuple[str, str], dict[str, NDArray[Any]]] = defaultdict(dict)
    for entry in entries:
        arrays[entry.kind, entry.problem][entry.name] = entry.array
    for entry in entries:
        where = f"{source}: {entry}"
        match entry.kind:
            case "run":
                run.write_info(parsed(RunInfo, entry.record, where))
            case "trims":
                for trim in parsed(Trims, entry.record, where).commands.values():
                    run.write_trim(trim)
            case "problem":
                problem = parsed(ProblemRecord, entry.record, where)
                slug = problem.spec.slug
                specs[slug] = problem.spec
                if "truth" not in arrays["truth", slug]:
                    raise InputError(f"{where} has no truth")
                run.write_problem(problem, arrays["truth", slug], arrays["view", slug] or None)
            case "cell":
                _write_cell(entry, run, specs, where)
            case "training":
                arm = parsed(ArmRecord, entry.record, where)
                run.write_arm(Arm(_spec(arm.problem, specs, where), arm.removal, arm.budget, arm.seed), arm)
    _check_places(entries, run, source)


def _write_cell(entry: Entry, run: Run, specs: Mapping[str, ProblemSpec], where: str) -> None:
    cell = parsed(CellRecord, entry.record, where)
    spec = _spec(cell.problem, specs, where)
    run.write_cell(cell, entry.array if cell.scores else None)
    if run.cell(Cell(spec, cell.name, cell.hyperparameters, cell.method)) != cell:
        raise InputError(f"{where} has other scores than its record names")


def _spec(slug: str, specs: Mapping[str, ProblemSpec], where: str) -> ProblemSpec:
    if slug not in specs:
        raise InputError(f"{where} is on a problem that is not there")
    return specs[slug]


def _check_places(entries: Sequence[Entry], run: Run, source: str) -> None:
    """Check that each row stands where its record belongs, and nothing else does.

    Raises:
        InputError: names the first row that does not.
    """
    given = Counter(entry.place for entry in entries)
    kept = Counter(entry.place for entry in entries_of(run))
    for entry in entries:
        if given[entry.place] != kept[entry.place]:
            raise InputError(f"{source}: {entry} stands there twice, or at the place of another row")


def _placeless(ran: Provenance) -> Provenance:
    """Where figures come from, without folders of the machine."""
    return replace(ran, command=FOLDERS.sub("", ran.command))
