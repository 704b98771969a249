"""The checkpoints that a method averages over."""

from typing import Literal

from ..bench.problem.checkpoint import Checkpoint
from ..bench.problem.problem import Problem

Checkpoints = Literal["last", "all"]
"""The model as it stands, or every checkpoint of the training."""


def over(problem: Problem, checkpoints: Checkpoints) -> list[Checkpoint | None]:
    """The checkpoints to average over, in order of training; None stands for the model as it stands."""
    return [None] if checkpoints == "last" else list(problem.checkpoints)
