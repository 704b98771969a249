"""What a runner asks of its servers, and what these answer."""

from typing import Annotated, Literal

from pydantic import Field

from ..records import record
from ..results.specs import Arm, Cell, ProblemSpec

TRAINING_SECONDS = 24 * 3600.0


@record
class Prepare:
    """Prepare a problem."""

    problem: ProblemSpec
    view: bool
    kind: Literal["prepare"] = "prepare"


@record
class Score:
    """Score a cell."""

    cell: Cell
    memory_gib: float
    kind: Literal["score"] = "score"


@record
class Estimate:
    """Estimate what scoring a cell will cost."""

    cell: Cell
    memory_gib: float
    kind: Literal["estimate"] = "estimate"


@record
class Train:
    """Train a model without some rows."""

    arm: Arm
    kind: Literal["train"] = "train"


@record
class Job:
    """A piece of work for a process of its own.

    Attributes:
        run: the folder of the run.
        work: what to do.
        timeout: seconds after which the process is stopped.
    """

    run: str
    work: Annotated[Prepare | Score | Estimate | Train, Field(discriminator="kind")]
    timeout: float = TRAINING_SECONDS

    @property
    def problem(self) -> ProblemSpec:
        """The problem that the work is on."""
        match self.work:
            case Prepare(problem=problem):
                return problem
            case Train(arm=arm):
                return arm.problem
            case Score(cell=cell) | Estimate(cell=cell):
                return cell.problem


@record
class Answer:
    """How a job ended, and why it was not done."""

    status: Literal["done", "input error", "timeout", "died"]
    error: str = ""
