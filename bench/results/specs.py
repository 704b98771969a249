"""What a run is asked for: problems, and methods on them."""

import re
from dataclasses import dataclass, field
from typing import Any

from .. import fingerprint


@dataclass(frozen=True)
class ProblemSpec:
    """How a problem is made: a dataset with its noise, a model, a seed, the device that it is trained and scored on."""

    dataset: str
    model: str
    noise: str = "none"
    rate: float | None = None
    size: int | None = None
    seed: int = 0
    device: str = "cpu"

    @property
    def slug(self) -> str:
        """A name for files."""
        rate = f"-{self.rate:g}" if self.rate else ""
        size = f"-n{self.size}" if self.size else ""
        return file_name(f"{self.dataset}-{self.noise}{rate}{size}-{self.model}-seed{self.seed}")

    @property
    def label(self) -> str:
        """A name for readers, the same for every seed."""
        rate = f" {100 * self.rate:.3g} %" if self.rate else ""
        size = f", {self.size:,} rows" if self.size else ""
        noise = [] if self.noise == "none" else [f"{self.noise}{rate}"]
        return " · ".join([f"{self.dataset}{size}", *noise, self.model])


@dataclass(frozen=True)
class Cell:
    """One method with its hyperparameters on one problem."""

    problem: ProblemSpec
    method: str
    hyperparameters: dict[str, Any] = field(hash=False)
    label: str

    def __str__(self) -> str:
        return f"{self.label} on {self.problem.slug}"


def file_name(text: str) -> str:
    """A name for a file, the text itself where that is one; no two texts share a name."""
    safe = re.sub(r"[^\w\[\]=,.+-]", "_", text, flags=re.ASCII)[:150]
    return safe if safe == text else f"{safe}-{fingerprint.digest(text)[:6]}"


CONTROLS = ("none", "none, unshuffled", "random", "oracle")
"""What is removed beside the methods' suspects: nothing, in shuffled or unshuffled training; any rows; wrong labels."""
