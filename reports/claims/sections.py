"""What runs say of the claims that they test."""

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from ...bench.errors import InputError
from ...bench.results.run import Run
from ..drawing import COLUMN, PAGE, image
from . import paper
from .claim import Claim, Finding, Picture, _claims, _pictures


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
