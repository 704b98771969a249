"""What a run is asked to do: problems, and methods on them."""

import re
from dataclasses import field
from math import inf
from typing import Annotated, Any, Literal

from pydantic import Field

from .. import fingerprint
from ..records import record

Precision = Literal["single", "half"]
CONTROLS = ("none", "none, unshuffled", "random", "oracle")
"""Removals that no method suggests: nothing, in shuffled or unshuffled training; random rows; wrong labels first."""


@record
class ProblemSpec:
    """How a problem is made: a dataset with its noise, a model, a seed, and the device for training and scoring.

    The precision is that of the model when rows are scored, `half` for bfloat16; it is always trained in float32.
    """

    dataset: str
    model: str
    noise: str = "none"
    rate: float | None = None
    size: Annotated[int | None, Field(ge=1)] = None
    seed: int = 0
    device: str = "cpu"
    precision: Precision = "single"

    @property
    def slug(self) -> str:
        """A name for files."""
        rate = f"-{self.rate:g}" if self.rate else ""
        size = f"-n{self.size}" if self.size else ""
        half = "-half" if self.precision == "half" else ""
        return file_name(f"{self.dataset}-{self.noise}{rate}{size}-{self.model}{half}-seed{self.seed}")

    @property
    def label(self) -> str:
        """A name for readers, the same for every seed."""
        rate = f" {100 * self.rate:.3g} %" if self.rate else ""
        size = f", {self.size:,} rows" if self.size else ""
        noise = [] if self.noise == "none" else [f"{self.noise}{rate}"]
        half = " in half precision" if self.precision == "half" else ""
        return " · ".join([f"{self.dataset}{size}", *noise, f"{self.model}{half}"])


@record
class Cell:
    """One method with its hyperparameters on one problem."""

    problem: ProblemSpec
    method: str
    hyperparameters: dict[str, Any] = field(hash=False)
    label: str

    def __str__(self) -> str:
        return f"{self.label} on {self.problem.slug}"


@record
class Arm:
    """One training without some rows: the first of those that a method or a control suspects.

    Attributes:
        problem: whose training rows are trimmed.
        removal: the leaderboard row, or one of `CONTROLS`.
        budget: the share of rows to remove, as `5%`; `true` is the true number of wrong labels, "" removes nothing.
        seed: of the training.
    """

    problem: ProblemSpec
    removal: str
    budget: str
    seed: int

    def __str__(self) -> str:
        budget = f" of {self.budget}" if self.budget else ""
        return f"{self.removal}{budget} on {self.problem.slug}, training {self.seed}"

    @property
    def shuffled(self) -> bool:
        """Whether each epoch has an order of its own."""
        return self.removal != "none, unshuffled"


def percentage(budget: str) -> float:
    """The number in a budget such as `5%`; infinite for `true`, the true number of wrong labels."""
    return inf if budget == "true" else float(budget.removesuffix("%"))


def file_name(text: str) -> str:
    """A name for a file, the text itself where that can be one; no two texts share a name."""
    safe = re.sub(r"[^\w\[\]=,.+-]", "_", text, flags=re.ASCII)[:150]
    return safe if safe == text else f"{safe}-{fingerprint.digest(text)[:6]}"
