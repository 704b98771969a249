"""The checkpoints that a method looks at."""

from typing import Literal

from ..bench.problem.checkpoint import Checkpoint
from ..bench.problem.problem import Problem

Checkpoints = Literal["last", "all"]


def over(problem: Problem, checkpoints: Checkpoints) -> list[Checkpoint | None]:
    """The checkpoints to average over; None is the model as it stands."""
    return [None] if checkpoints == "last" else list(problem.checkpoints)
