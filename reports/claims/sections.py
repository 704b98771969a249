"""Each run judged by the claims of its suite."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from ...bench.results.run import Run
from ..drawing import COLUMN, PAGE, image
from .claim import CLAIMS, PICTURES, Claim, Finding, Lacking, Picture


@dataclass(frozen=True)
class Tested:
    """A claim, its number on the page, and what a run says about it."""

    number: int
    claim: Claim
    finding: Finding


@dataclass(frozen=True)
class Drawn:
    """A picture of a run as SVG, for a page and for a phone, with its caption and the name of its file."""

    caption: str
    file: str
    wide: bytes
    narrow: bytes


@dataclass(frozen=True)
class Section:
    """A run, the claims that it tests, and its pictures."""

    run: Run
    tested: list[Tested]
    pictures: list[Drawn]


def sections(runs: Sequence[Run]) -> list[Section]:
    """A section for each run whose suite tests claims, in the order of the runs; claims are numbered throughout."""
    numbers, judged = count(1), []
    for run in runs:
        suite = run.info.suite.name
        tested = [Tested(next(numbers), claim, _finding(claim, run)) for claim in _claims_of(suite)]
        if tested:
            pictures = [_drawn(picture, run) for picture in PICTURES.all().values() if picture.suite == suite]
            judged.append(Section(run, tested, [drawn for drawn in pictures if drawn]))
    return judged


def _claims_of(suite: str) -> list[Claim]:
    """The claims of a suite, then its confounds, both in the order of their modules."""
    claims = [claim for claim in CLAIMS.all().values() if claim.suite == suite]
    return sorted(claims, key=lambda claim: (claim.confound, claim.function.__module__))


def _finding(claim: Claim, run: Run) -> Finding:
    """What a run says about a claim; a run that lacks data for it says so."""
    try:
        finding: Finding = claim.function(run)
    except Lacking as lack:
        trim = "; models are retrained by influence-bench trim" if run.trimmed().empty else ""
        return Finding("–", f"Not tested: this run has no {lack}{trim}.")
    return finding


def _drawn(picture: Picture, run: Run) -> Drawn | None:
    """The picture, if the run has what it shows."""
    try:
        wide, narrow = (image(picture.function(run, width), "svg") for width in (PAGE, COLUMN))
    except Lacking:
        return None
    return Drawn(picture.text, f"{picture.key}.svg", wide, narrow)
