"""What is published, made again from its cells and compared."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...bench.errors import InputError
from ...bench.files import read_text
from ...bench.records import plain, read
from ...bench.results.opening import ARCHIVE, open_run
from ...bench.results.run import Run
from ..markdown import escaped
from .differences import picture_differences, record_differences, table_differences, text_differences
from .faults import faults
from .publish import files, page, records

CLAIMS = "claims.md"
MADE = ("leaderboard.*", "trimming.*", CLAIMS)
"""Files that follow from cells and mean nothing without them."""
COMPARE: Mapping[str, Callable[[str, str], Iterator[str]]] = {
    ".csv": table_differences,
    ".md": text_differences,
    ".svg": picture_differences,
}
DRAWN_BY = re.compile(r"Matplotlib v[\w.]+")


@dataclass
class Verified:
    """What was made again, and how what is published differs from it.

    Attributes:
        runs: the published runs, by folder.
        files: those that were compared.
        differences: a line for each.
        skipped: pictures that another version of Matplotlib drew, which cannot be compared.
    """

    runs: Mapping[Path, Run]
    files: list[Path] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """What was compared, and what no cell can show."""
        cells = sum(len(run.cells()) for run in self.runs.values())
        what = f"{_count(len(self.runs), 'run')}, {_count(cells, 'cell')}, {_count(len(self.files), 'file')}"
        if self.differences:
            return f"{_count(len(self.differences), 'difference')} in {what}"
        left = f", but for {_count(len(self.skipped), 'picture')} that cannot be compared" if self.skipped else ""
        return (
            f"{what}: every table and verdict follows from the cells{left}. Costs and accuracies are as recorded; "
            "--rerun N measures N costs again, which agree within a factor"
        )

    def run(self, folder: Path) -> None:
        """Compare what is published in the folder of a run."""
        run = self.runs[folder]
        self.differences += [f"{folder / ARCHIVE}: {fault}" for fault in faults(run)]
        made, known = files(run), records(run)
        for name in sorted(known.keys() & _names(folder)):
            published = read(type(known[name]), folder / name)
            lines = record_differences(plain(published), plain(known[name]))
            self._compared(folder / name, lines)
        self._files(folder, made)
        self._whole(folder, {ARCHIVE, *made, *known})

    def page(self, folder: Path) -> None:
        """Compare the page of claims in a folder, which is made of the runs in the folders next to it."""
        text = read_text(folder / CLAIMS) if (folder / CLAIMS).exists() else ""
        runs = [run for place, run in self.runs.items() if place.parent == folder]
        made = page(sorted(runs, key=lambda run: text.find(f"**{escaped(run.info.suite.name)}**")))
        self._files(folder, made)
        self._whole(folder, made)

    def _files(self, folder: Path, made: Mapping[str, bytes]) -> None:
        for name in sorted(made.keys() & _names(folder)):
            published, anew, form = read_text(folder / name), made[name].decode(), Path(name).suffix
            if form == ".svg" and DRAWN_BY.findall(published) != DRAWN_BY.findall(anew):
                self.skipped.append(folder / name)
            else:
                self._compared(folder / name, COMPARE[form](published, anew))

    def _compared(self, file: Path, lines: Iterator[str]) -> None:
        self.files.append(file)
        self.differences += [f"{file}: {line}" for line in lines]

    def _whole(self, folder: Path, known: Collection[str]) -> None:
        """Name the files that do not follow from the cells, and those that do and are not there."""
        there = _names(folder)
        self.differences += [f"{folder / name}: no cell gives this file" for name in sorted(there - {*known})]
        self.differences += [
            f"{folder / name}: the cells give this file, but it is not there" for name in sorted({*known} - there)
        ]


def verify(folder: Path) -> Verified:
    """Make everything again that is published in a folder and below it, and compare.

    Raises:
        InputError: if nothing is published there, an archive is damaged, or a table stands without one.
    """
    if missing := unarchived(folder):
        raise InputError(
            f"{missing[0]} stands without the cells that it follows from, {ARCHIVE}: publish its run again"
        )
    places = sorted(file.parent for file in folder.rglob(ARCHIVE))
    if not places:
        raise InputError(f"{folder} holds no {ARCHIVE}: influence-bench publish RUN --out {folder} makes one")
    verified = Verified({place: open_run(place) for place in places})
    for place in places:
        verified.run(place)
    for above in sorted(_with_pages(folder, places)):
        verified.page(above)
    return verified


def _with_pages(folder: Path, places: Sequence[Path]) -> set[Path]:
    """The folders with a page of claims, and those in which several runs were published, which may lack theirs."""
    above = Counter(place.parent for place in places if place != folder)
    return {file.parent for file in folder.rglob(CLAIMS)} | {outer for outer, runs in above.items() if runs > 1}


def unarchived(folder: Path) -> list[Path]:
    """The tables and pages of claims, in a folder and below it, without the archives that they follow from."""
    made = sorted(file for pattern in MADE for file in folder.rglob(pattern))
    return [file for file in made if not any(file.parent.glob(f"*/{ARCHIVE}" if file.name == CLAIMS else ARCHIVE))]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("s" if number != 1 else "")


def _names(folder: Path) -> set[str]:
    """The files of a folder by their path in it, without those of published runs and of pages further inside."""
    inner = {file.parent for name in (ARCHIVE, CLAIMS) for file in folder.glob(f"*/**/{name}")}
    every = (file for file in folder.rglob("*") if file.is_file() and not inner & {*file.parents})
    return {file.relative_to(folder).as_posix() for file in every}
