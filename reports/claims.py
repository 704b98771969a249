"""A page of claims, each tested by a run of its suite: what is claimed, what the run says, and whether it stands.

The page is generated from runs, so that every figure can be traced to a command, a commit, seeds and a machine.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..bench.errors import InputError
from ..bench.results import Run, write, writer
from . import paper
from .plots import COLUMN, PAGE, image
from .render import render
from .style import flat
from .tables import escaped

TITLE = "The paper's claims, tested"
PAPER = "Chhabra et al. 2025, Outlier Gradient Analysis (arXiv 2405.03869)"
PROTOCOL = (
    "The same experiments under one protocol: the same loader, shuffling, epochs and seeds for every arm, the last "
    "epoch's model, given labels for label-quality scores, clean validation gradients for influence functions, random "
    "removal as the control. Intervals are 95 %, over seeds. A smaller scale than the paper's is stated with the run."
)
COMMANDS = ("command", "trimmed by")


@dataclass(frozen=True)
class Finding:
    """What a run says of a claim: our figures, and in a sentence whether it stands."""

    ours: str
    verdict: str


@dataclass(frozen=True)
class Claim:
    """A claim of the paper: where it is made, its figures there, the suite that tests it and how."""

    function: Callable[[Run], Finding]
    suite: str
    place: str
    paper: str

    @property
    def statement(self) -> str:
        """What the paper claims, or what confound was found."""
        return _said(self.function)


@dataclass(frozen=True)
class Picture:
    """What a run shows beside the claims of its suite."""

    function: Callable[[Run, float], Figure]
    suite: str

    @property
    def caption(self) -> str:
        """What is to be seen."""
        return _said(self.function)


_claims: list[Claim] = []
_pictures: list[Picture] = []
Test = Callable[[Run], Finding]
Drawing = Callable[[Run, float], Figure]


def claim(suites: str | Sequence[str], place: str, paper: str) -> Callable[[Test], Test]:
    """Register a test of a claim on a run of a suite, or of each of several."""

    def register(function: Test) -> Test:
        for suite in [suites] if isinstance(suites, str) else suites:
            _claims.append(Claim(function, suite, place, paper))
        return function

    return register


def picture(suite: str) -> Callable[[Drawing], Drawing]:
    """Register a picture of a run of a suite, a function of the run and the width in inches; the docstring captions it.

    It raises `InputError` where the run lacks what it shows.
    """

    def register(function: Drawing) -> Drawing:
        _pictures.append(Picture(function, suite))
        return function

    return register


@dataclass(frozen=True)
class Tested:
    """A claim with its number on the page and what a run says of it."""

    number: int
    claim: Claim
    finding: Finding


@dataclass(frozen=True)
class Drawn:
    """A picture of a run as SVG, for a page and for a telephone, with its caption and a name for its file."""

    caption: str
    file: str
    wide: bytes
    narrow: bytes


@dataclass(frozen=True)
class Section:
    """A run with the claims that it tests and what it shows beside them."""

    run: Run
    tested: list[Tested]
    pictures: list[Drawn]


def sections(runs: Sequence[Run]) -> list[Section]:
    """Those of the runs that test claims, with what they say of them; the other runs are left out."""
    for module in pkgutil.iter_modules(paper.__path__):  # whose claims register themselves
        importlib.import_module(f"{paper.__name__}.{module.name}")
    numbers, found = count(1), []
    for run in runs:
        suite = run.info["suite"]
        tested = [Tested(next(numbers), one, _finding(one, run)) for one in _of(suite)]
        if tested:
            drawn = [_drawn(one, run) for one in _pictures if one.suite == suite]
            found.append(Section(run, tested, [one for one in drawn if one]))
    return found


def _finding(one: Claim, run: Run) -> Finding:
    """What a run says of a claim, be it that it lacks the rows, the problems or the retrained models to test it."""
    try:
        return one.function(run)
    except (KeyError, InputError) as error:
        lack = f"this run has no {error.args[0]}" if isinstance(error, KeyError) else " ".join(str(error).split())
        trim = "; models are retrained by influence-bench trim" if run.trimmed().empty else ""
        return Finding("–", f"Not tested: {lack}{trim}.")


def _drawn(one: Picture, run: Run) -> Drawn | None:
    """The picture, if the run has what it shows."""
    try:
        wide, narrow = (image(one.function(run, width), "svg") for width in (PAGE, COLUMN))
    except InputError:
        return None
    return Drawn(one.caption, f"{one.suite}-{one.function.__name__.replace('_', '-')}.svg", wide, narrow)


def _of(suite: str) -> list[Claim]:
    """What a run of a suite tests: the claims first, then the confounds."""
    return sorted((one for one in _claims if one.suite == suite), key=lambda one: one.statement.startswith("Confound"))


def write_claims(runs: Sequence[Run], out: Path) -> Path:
    """Write the page of claims that the runs can test, in the order of the runs.

    Returns:
        The page, `claims.html`, which needs nothing beside it; beside it lie `claims.md` and the pictures.

    Raises:
        InputError: if they test none, or are of another version.
    """
    found = sections(runs)
    if not found:
        suites = ", ".join(sorted({one.suite for one in _claims}))
        raise InputError(f"these runs test none of the paper's claims: give runs of {suites}")
    for section in found:
        section.run.frame()  # a run of another version is refused, rather than said to lack things
    contents = {f"plots/{one.file}": one.wide for section in found for one in section.pictures}
    contents |= {"claims.md": markdown(found).encode(), "claims.html": html(found).encode()}
    for name, content in contents.items():
        write(out / name, writer(content))
    return out / "claims.html"


def html(found: Sequence[Section]) -> str:
    """The claims as one page that needs nothing beside it; all that comes from runs is escaped."""
    sources = [(section.run.info["suite"], source(section.run)) for section in found]
    return render("claims.html", title=TITLE, paper=PAPER, protocol=PROTOCOL, sections=found, sources=sources)


def markdown(found: Sequence[Section]) -> str:
    """The claims as Markdown, suite by suite, each with what it was made with."""
    parts = [f"# {TITLE}", f"{PAPER}. {PROTOCOL}"]
    rows = [
        f"| {one.number} | {one.claim.statement} | {escaped(one.finding.verdict)} |"
        for section in found
        for one in section.tested
    ]
    parts += ["\n".join(["| | claim | verdict |", "|:--|:--|:--|", *rows])]
    for section in found:
        parts += [f"## {escaped(str(section.run.info['title']))}"]
        for one in section.tested:
            said = [f"The paper ({one.claim.place}): {one.claim.paper}", f"Here: {escaped(one.finding.ours)}"]
            parts += [f"### {one.number}. {one.claim.statement}"]
            parts += ["\n".join(f"- {line}" for line in [*said, f"**{escaped(one.finding.verdict)}**"])]
        for drawn in section.pictures:
            parts += [f"![{drawn.caption}](plots/{drawn.file})", drawn.caption]
    parts += ["## What the figures come from"]
    for section in found:
        facts = [
            f"- {key}: {_code(value) if key in COMMANDS else escaped(value)}" for key, value in source(section.run)
        ]
        parts += ["\n".join([f"**{escaped(str(section.run.info['suite']))}**", "", *facts])]
    return "\n\n".join(parts) + "\n"


def source(run: Run) -> list[tuple[str, str]]:
    """What the figures of a run come from: commands, seeds, commits, machine, versions and dates, as text."""
    info, known = run.info, ("commit", "machine", "device", "versions")
    facts = [("command", str(info["command"])), ("seeds", str(info["definition"]["seeds"]))]
    facts += [(key, flat(info[key])) for key in known if info.get(key)] + [("date", str(info["created"]))]
    for command, trim in run.trims.items():
        other = [f"{key} {flat(trim[key])}" for key in known if trim.get(key) != info.get(key)]
        facts += [("trimmed by", command), ("trimmed on", "; ".join([trim["created"], *other]))]
    return facts


def _code(command: str) -> str:
    return f"`{command.replace('`', ' ')}`"


def _said(function: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(function) or "").split())
