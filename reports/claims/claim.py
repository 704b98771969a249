"""A page of claims, each tested by a run of its suite: what is claimed, what the run says, and whether it stands.

The page is generated from runs, so that every figure can be traced to a command, a commit, seeds and a machine.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from ...bench.results.run import Run


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


def _said(function: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(function) or "").split())
