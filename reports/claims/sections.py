"""Each run judged by the claims of its suite."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from ...bench.results.run import Run
from ..drawing import COLUMN, PAGE, image
from ..statistics.estimates import estimate
from .claim import CLAIMS, PICTURES, Claim, Evidence, Finding, Lacking, Picture
from .judge import Verdict, judged


@dataclass(frozen=True)
class Tested:
    """A claim, its number on the page, and what a run says about it.

    Attributes:
        figures: of the run, behind the difference.
        verdict: None if the run lacks data for the claim.
        sentence: the verdict with its reason, or what the run lacks.
    """

    number: int
    claim: Claim
    figures: str
    verdict: Verdict | None
    sentence: str


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
    """A section for each run whose suite tests claims, in the order of the runs.

    Claims are numbered throughout and judged together: the verdicts are adjusted over all of them.
    """
    by_run = [(run, claims) for run in runs if (claims := _claims_of(run.info.suite.name))]
    asked = [(claim, _answer(claim, run)) for run, claims in by_run for claim in claims]
    contrasts = [(claim.contrast, estimate(answer.differences)) for claim, answer in asked if _known(answer)]
    verdicts = iter(judged(contrasts))
    entries = (
        _tested(number, claim, answer, next(verdicts) if _known(answer) else None)
        for number, (claim, answer) in enumerate(asked, 1)
    )
    return [Section(run, list(islice(entries, len(claims))), _pictures(run)) for run, claims in by_run]


def _known(answer: object) -> bool:
    return isinstance(answer, Evidence)


def _claims_of(suite: str) -> list[Claim]:
    """The claims of a suite, then its confounds, both in the order of their modules."""
    claims = [claim for claim in CLAIMS.all().values() if claim.suite == suite]
    return sorted(claims, key=lambda claim: (claim.confound, claim.function.__module__))


def _answer(claim: Claim, run: Run) -> Evidence | Finding | str:
    """What a run says about a claim; a run that lacks data for it says so."""
    try:
        return claim.function(run)
    except Lacking as lack:
        trim = "; models are retrained by influence-bench trim" if run.trimmed().empty else ""
        return f"Not tested: this run has no {lack}{trim}."


def _tested(number: int, claim: Claim, answer: Evidence | Finding | str, verdict: Verdict | None) -> Tested:
    if isinstance(answer, str):
        return Tested(number, claim, "–", None, answer)
    if isinstance(answer, Finding):
        return Tested(number, claim, answer.ours, None, answer.verdict)
    return Tested(number, claim, answer.figures, verdict, verdict.sentence)


def _pictures(run: Run) -> list[Drawn]:
    suite = run.info.suite.name
    drawn = [_drawn(picture, run) for picture in PICTURES.all().values() if picture.suite == suite]
    return [picture for picture in drawn if picture]


def _drawn(picture: Picture, run: Run) -> Drawn | None:
    """The picture, if the run has what it shows."""
    try:
        wide, narrow = (image(picture.function(run, width), "svg") for width in (PAGE, COLUMN))
    except Lacking:
        return None
    return Drawn(picture.text, f"{picture.key}.svg", wide, narrow)
