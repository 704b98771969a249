"""What a runner asks of its servers, and what these answer."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ..records import record
from ..results.specs import Arm, Cell, ProblemSpec
from .suite import Suite

TRAINING_SECONDS, DECLARING_SECONDS = 24 * 3600.0, 600.0
DECLARED = "declared.json"
"""The file in the folder of a run that holds what third parties' methods declare."""


@record
class Prepare:
    """Prepare a problem.

    Attributes:
        problem: how it is made.
        view: whether to store what a picture of it shows.
        salt: of the run.
        with_truth: whether to store the truth too.
    """

    problem: ProblemSpec
    view: bool
    salt: str = ""
    with_truth: bool = True
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
class Declare:
    """Load the code of third parties, and store what those rows of a suite declare that come from it.

    Attributes:
        suite: whose rows are asked for.
        plugins: Python files that register methods.
    """

    suite: Suite
    plugins: list[str]
    kind: Literal["declare"] = "declare"


@record
class Job:
    """A piece of work for a process of its own.

    Attributes:
        run: the folder of the run.
        work: what to do.
        timeout: seconds after which the process is stopped.
    """

    run: str
    work: Annotated[Prepare | Score | Estimate | Train | Declare, Field(discriminator="kind")]
    timeout: float = TRAINING_SECONDS

    @property
    def problem(self) -> ProblemSpec | None:
        """The problem that the work is on, if it is on one."""
        match self.work:
            case Prepare(problem=problem):
                return problem
            case Train(arm=arm):
                return arm.problem
            case Score(cell=cell) | Estimate(cell=cell):
                return cell.problem
            case Declare():
                return None


@record
class Answer:
    """How a job ended, and why it was not done."""

    status: Literal["done", "input error", "timeout", "died"]
    error: str = ""


@record
class Row:
    """A row of the leaderboard, as the process declares it that has loaded its method.

    Attributes:
        label: the name with the hyperparameters that are not defaults.
        name: of the method.
        hyperparameters: those that are given.
        family: of the method.
        uses: what the method uses under these hyperparameters.
        pairwise: whether it scores pairs of rows.
        packages: optional packages that it needs.
        depends_on: everything that its scores depend on except the problem, as digests.
    """

    label: str
    name: str
    hyperparameters: dict[str, Any]
    family: str
    uses: list[str]
    pairwise: bool
    packages: list[str]
    depends_on: dict[str, str]


@record
class Declared:
    """What third parties' methods declare.

    Attributes:
        rows: of the suite.
        not_installed: methods that the suite's stars stand for and that lack a package, by package.
    """

    rows: list[Row]
    not_installed: dict[str, list[str]]


@record
class Commission:
    """What the process that keeps the truth is to run.

    Attributes:
        suite: what to run, after all options.
        folder: of the run.
        workers: processes at a time.
        device: where models are trained and rows scored.
        plugins: Python files that register methods.
        retry_failed: whether to run cells again that failed.
        command: that the user gave.
    """

    suite: Suite
    folder: str
    workers: int
    device: str
    plugins: list[str]
    retry_failed: bool
    command: str


@record
class Kept:
    """How a commission ended: whether the suite has rows of third parties, and what went wrong."""

    has_third_parties: bool = False
    error: str = ""
