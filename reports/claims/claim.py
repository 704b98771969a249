"""Claims, confounds and pictures: one decorated function each, registered by suite and name."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from ...bench.registry.arguments import Registered
from ...bench.registry.registry import Registry, name_of
from ...bench.results.run import Run
from .contrast import Contrast

HOME = "influence_bench.reports.claims.paper"


class Lacking(Exception):
    """A run lacks what a claim is about or what a picture shows; the message completes `this run has no ...`."""


@dataclass(frozen=True)
class Evidence:
    """What a run says about a claim.

    Attributes:
        differences: the contrast's first arm minus its second, by `problem` and `seed`.
        figures: the figures behind them; `; ` separates the lines of a list.
    """

    differences: pd.Series
    figures: str


@dataclass(frozen=True)
class OfSuite(Registered):
    """A function of a run of one suite; a name may occur once in each suite."""

    suite: str

    @property
    def key(self) -> str:
        """The suite and the name."""
        return f"{self.suite}-{self.name}"

    @property
    def text(self) -> str:
        """The docstring as one line."""
        return " ".join((inspect.getdoc(self.function) or "").split())


@dataclass(frozen=True)
class Claim(OfSuite):
    """A claim and the function that tests it.

    Attributes:
        place: where the paper, or its code, makes the claim.
        paper: the paper's figures; `; ` separates the lines of a list.
        contrast: what is compared, and which differences let the claim stand or fall.
        confound: whether it is a confound in the paper's code rather than a claim of the paper.
    """

    place: str
    paper: str
    contrast: Contrast
    confound: bool

    @property
    def statement(self) -> str:
        """The docstring as one line; that of a confound says that it is one."""
        return f"Confound: {self.text[0].lower()}{self.text[1:]}" if self.confound else self.text


@dataclass(frozen=True)
class Picture(OfSuite):
    """A picture that stands below the claims of a suite; its text is the caption."""


CLAIMS: Registry[Claim] = Registry("claim", HOME)
PICTURES: Registry[Picture] = Registry("picture", HOME)
Test = Callable[[Run], Evidence]
Drawing = Callable[[Run, float], Figure]


def claim(suites: str | Sequence[str], place: str, paper: str, contrast: Contrast) -> Callable[[Test], Test]:
    """Register a function that tests a claim on a run of a suite, or of each of several; its docstring is the claim.

    The function returns the differences of the contrast. It raises `Lacking` if the run lacks the rows, problems or
    trainings that the claim is about.
    """
    return _registering(suites, place, paper, contrast, confound=False)


def confound(suites: str | Sequence[str], place: str, paper: str, contrast: Contrast) -> Callable[[Test], Test]:
    """Register a function that tests a confound in the paper's code; otherwise as `claim`."""
    return _registering(suites, place, paper, contrast, confound=True)


def picture(suite: str) -> Callable[[Drawing], Drawing]:
    """Register a function that draws a run of a suite at a width in inches; its docstring is the caption.

    The function raises `Lacking` if the run lacks what the picture shows.
    """

    def register(function: Drawing) -> Drawing:
        PICTURES.add(Picture(name_of(function), function, suite))
        return function

    return register


def _registering(
    suites: str | Sequence[str], place: str, paper: str, contrast: Contrast, confound: bool
) -> Callable[[Test], Test]:
    def register(function: Test) -> Test:
        for suite in [suites] if isinstance(suites, str) else suites:
            CLAIMS.add(Claim(name_of(function), function, suite, place, paper, contrast, confound))
        return function

    return register
