"""Verdicts on all claims of a page together: each follows from its contrast and the estimate of its difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
from statsmodels.stats.multitest import multipletests

from ..statistics.estimates import LEVEL, Estimate
from .contrast import Contrast

STANDS, FALLS, OPEN = "stands", "falls", "cannot be told"


@dataclass(frozen=True)
class Verdict:
    """What the estimate of a difference says about a claim.

    Attributes:
        contrast: the claim's.
        estimate: of its difference.
        p: the smaller of the p of standing and of falling, adjusted over the page.
        level: of each test when all claims of the page are tested together.
        word: `STANDS`, `FALLS` or `OPEN`.
    """

    contrast: Contrast
    estimate: Estimate
    p: float
    level: float
    word: str

    @property
    def visible(self) -> float:
        """The smallest difference from a bound that these seeds show with 80 % power; NaN where spread is unknown."""
        return self.estimate.visible(self.level)

    @property
    def opposite(self) -> bool:
        """Whether the difference lies below that of the claim, at the level of the page."""
        return not self.contrast.alike and self.estimate.interval(self.level)[1] < self.contrast.least

    @property
    def difference(self) -> str:
        """The estimate with its 95 % interval."""
        low, high = self.estimate.interval()
        text = self.contrast.text
        return text(self.estimate.mean) + ("" if isnan(low) else f" [{text(low)}, {text(high)}]")

    @property
    def seen(self) -> str:
        """The smallest visible difference as text."""
        return "–" if isnan(self.visible) else self.contrast.size(self.visible)

    @property
    def chance(self) -> str:
        """The adjusted p as text."""
        return "–" if isnan(self.estimate.error) else "<0.001" if self.p < 0.001 else f"{self.p:.3f}"

    @property
    def sentence(self) -> str:
        """The verdict with its reason."""
        contrast = self.contrast
        if isnan(self.estimate.error):
            return "Cannot be told: a single seed does not show the spread."
        if self.word == OPEN:
            return f"Cannot be told: at 80 % power these seeds show a difference of {self.seen}, not a smaller one."
        if contrast.alike:
            place = "within" if self.word == STANDS else "beyond"
            return f"{self.word.capitalize()}: the difference is shown to lie {place} the margin of {contrast.bound}."
        if self.word == STANDS:
            return f"Stands: the difference is shown to be above {contrast.floor}."
        if self.opposite:
            return f"Falls: the difference is shown to be below {contrast.floor}."
        return f"Falls: the difference is shown to be below the margin of {contrast.bound}, so it is of no account."


def judged(claims: Sequence[tuple[Contrast, Estimate]]) -> list[Verdict]:
    """The verdict on each claim of a page.

    Each claim is asked twice: whether it stands, and whether it falls. The tests are one-sided t-tests of the estimate
    against the contrast's bounds; Holm's adjustment runs over both questions of all claims, so that with 95 %
    probability no verdict of the page is an error. A claim of which both are shown, a difference above `least` yet
    below the margin, falls.
    """
    if not claims:
        return []
    asked = np.array([_questions(contrast, estimate) for contrast, estimate in claims])
    shown, adjusted, _, _ = multipletests(np.nan_to_num(asked, nan=1.0).ravel(), 1 - LEVEL, method="holm")
    verdicts, p = shown.reshape(-1, 2), adjusted.reshape(-1, 2).min(axis=1)
    level = 1 - (1 - LEVEL) / len(claims)
    words = [FALLS if falls else STANDS if stands else OPEN for stands, falls in verdicts]
    return [Verdict(contrast, estimate, float(p[i]), level, words[i]) for i, (contrast, estimate) in enumerate(claims)]


def _questions(contrast: Contrast, estimate: Estimate) -> tuple[float, float]:
    """The p of standing and of falling, each of the hypothesis that it does not; NaN without a standard error."""
    margin = contrast.margin
    if contrast.alike:
        within = max(estimate.above(-margin), estimate.below(margin))
        beyond = 2 * min(estimate.above(margin), estimate.below(-margin))
        return within, min(1.0, beyond)
    return estimate.above(contrast.least), estimate.below(contrast.ceiling)
