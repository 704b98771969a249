"""Each run judged by the claims of its suite."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from ...bench.results.run import Run
from ..drawing import COLUMN, PAGE, image
from ..statistics.estimates import estimate
from .claim import CLAIMS, PICTURES, Claim, Evidence, Lacking, Picture
from .judge import Verdict, judged
from .scales import SCALES


@dataclass(frozen=True)
class Tested:
    """A claim, its number on the page, and what a run says about it.

    Attributes:
        figures: of the run, behind the difference.
        verdict: None if the run lacks data for the claim.
        lacking: what the run lacks, in a sentence.
    """

    number: int
    claim: Claim
    figures: str
    verdict: Verdict | None
    lacking: str

    @property
    def word(self) -> str:
        """The verdict in a word or two."""
        return self.verdict.word if self.verdict else "not tested"

    @property
    def sentence(self) -> str:
        """The verdict with its reason, or what the run lacks."""
        return self.verdict.sentence if self.verdict else self.lacking

    @property
    def known(self) -> tuple[str, str, str]:
        """The difference with its interval, the smallest visible one and the adjusted p; dashes without a verdict."""
        verdict = self.verdict
        return (verdict.difference, verdict.seen, verdict.chance) if verdict else ("–", "–", "–")


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

    @property
    def here(self) -> str:
        """The scale of the run: its problems and the number of seeds."""
        suite = self.run.info.suite
        labels = dict.fromkeys(problem.label for problem in suite.problems)
        return f"{'; '.join(labels)}; {suite.seeds} seed{'s' if suite.seeds > 1 else ''}"

    @property
    def theirs(self) -> str:
        """The paper's scale."""
        return SCALES.get(self.run.info.suite.name, "not stated")


def sections(runs: Sequence[Run]) -> list[Section]:
    """A section for each run whose suite tests claims, in the order of the runs.

    Claims are numbered throughout and judged together: the verdicts are adjusted over all of them.
    """
    by_run = [(run, claims) for run in runs if (claims := _claims_of(run.info.suite.name))]
    asked = [(claim, _answer(claim, run)) for run, claims in by_run for claim in claims]
    known = [(claim.contrast, answer) for claim, answer in asked if isinstance(answer, Evidence)]
    verdicts = iter(judged([(contrast, estimate(evidence.differences)) for contrast, evidence in known]))
    tested = (
        Tested(number, claim, answer.figures, next(verdicts), "")
        if isinstance(answer, Evidence)
        else Tested(number, claim, "–", None, answer)
        for number, (claim, answer) in enumerate(asked, 1)
    )
    return [Section(run, list(islice(tested, len(claims))), _pictures(run)) for run, claims in by_run]


def _claims_of(suite: str) -> list[Claim]:
    """The claims of a suite, then its confounds, both in the order of their modules."""
    claims = [claim for claim in CLAIMS.all().values() if claim.suite == suite]
    return sorted(claims, key=lambda claim: (claim.confound, claim.function.__module__))


def _answer(claim: Claim, run: Run) -> Evidence | str:
    """What a run says about a claim, or what it lacks."""
    try:
        evidence: Evidence = claim.function(run)
    except Lacking as lack:
        trim = "; models are retrained by influence-bench trim" if run.trimmed().empty else ""
        return f"Not tested: this run has no {lack}{trim}."
    return evidence


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
