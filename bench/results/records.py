"""The records of a run: what each of its JSON files holds."""

from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field

from ..records import record
from .specs import ProblemSpec

UNIT_SECONDS = 0.1
"""The least seconds of an epoch that is a unit of cost: the fixed cost of half of the methods is then at most 6 %."""
Status = Literal["ok", "error", "timeout", "out of memory"]


@record
class Cost:
    """What scoring a problem with a method cost.

    Attributes:
        seconds: wall time, the sum of the three phases.
        cpu_seconds: CPU time of the same, of all threads and of child processes that ended.
        gradients_seconds: wall time of passes over the model.
        score_seconds: wall time of what is neither a pass nor a training.
        retrain_seconds: wall time of trainings.
        warmup_seconds: wall time of the first call, on a few rows, which is not counted.
        epoch_seconds: of one plain training epoch in the same process, a mean over steps before and after the
            scoring: CPU time on a processor, wall time on an accelerator and in records without `epoch_drift`.
        epochs: the scoring in such epochs, by the same clock.
        peak_bytes: memory above the loaded problem.
        device_peak_bytes: memory of tensors on the accelerator.
        phase_peak_bytes: memory above the loaded problem, by phase.
        epoch_drift: the difference between the epochs timed before and after the scoring, over their mean.
        step_spread: the interquartile range of the timed steps, over their median.
        phase_cpu_seconds: CPU time by phase.
    """

    seconds: float
    cpu_seconds: float
    gradients_seconds: float
    score_seconds: float
    retrain_seconds: float
    warmup_seconds: float
    epoch_seconds: float
    epochs: float
    peak_bytes: int
    device_peak_bytes: int
    phase_peak_bytes: dict[str, int]
    epoch_drift: float | None = None
    step_spread: float | None = None
    phase_cpu_seconds: dict[str, float] = field(default_factory=dict)


@record
class Expected:
    """What scoring a problem with a method is expected to cost, from pilot runs.

    Attributes:
        seconds: wall time of the scoring.
        epochs: the scoring in plain training epochs.
        peak_bytes: memory above the loaded problem.
        epoch_seconds: of one plain training epoch, as in `Cost`.
        cell_seconds: wall time of the cell as a whole, its opening, warm-up and calibration included.
        refused: why the run should not begin; "" if it may.
    """

    seconds: float
    epochs: float
    peak_bytes: int
    epoch_seconds: float
    cell_seconds: float
    refused: str


@record
class CellRecord:
    """One method on one problem, as it ended.

    Attributes:
        method: the leaderboard row: the name with the hyperparameters that are not defaults.
        name: of the method.
        family: of the method.
        uses: what the method uses under these hyperparameters.
        pairwise: whether it scores pairs of rows.
        hyperparameters: those that were given.
        problem: slug of the problem.
        depends_on: everything that the scores depend on, as digests.
        status: how the cell ended.
        error: one line that says why it failed; "" if it did not.
        notes: what the method warned of.
        cost: None if the cell failed or was only estimated.
        expected: of a cell that was only estimated.
        traceback: of an error.
        scores: the file of the scores, below `cells`.
    """

    method: str
    name: str
    family: str
    uses: list[str]
    pairwise: bool
    hyperparameters: dict[str, Any]
    problem: str
    depends_on: dict[str, str]
    status: Status
    error: str = ""
    notes: str = ""
    cost: Cost | None = None
    expected: Expected | None = None
    traceback: str = ""
    scores: str | None = None


@record
class ProblemRecord:
    """A prepared problem.

    Attributes:
        spec: how it is made.
        rate: realised share of training rows with noise.
        n_train: training rows.
        parameters: of the model.
        model_accuracy: of the trained model, on the test rows.
        folder: of the trained model and the rows, in the cache of the machine that ran.
        card: the dataset's card.
    """

    spec: ProblemSpec
    rate: float
    n_train: int
    parameters: int
    model_accuracy: float
    folder: str
    card: dict[str, Any]


@record
class Provenance:
    """Where figures come from: the command, when and where it ran, and with which code."""

    command: str
    created: str
    machine: dict[str, Any]
    device: str
    workers: int
    threads_per_worker: int
    versions: dict[str, str]
    code: str
    commit: str | None = None


@record
class SuiteRecord:
    """A suite as plain data.

    Attributes:
        name: of the suite.
        title: for readers.
        problems: each with every seed.
        methods: names with hyperparameters; `*` stands for any letters, and `!` in front leaves a method out.
        seeds: how many, from 0.
        timeout: seconds that a cell may take.
        memory_gib: memory that a cell may take.
        views: whether to store, for pictures, the inputs of each problem and the principal components of its gradients.
    """

    name: str
    title: str
    problems: tuple[ProblemSpec, ...]
    methods: tuple[str, ...] = ("*",)
    seeds: Annotated[int, Field(ge=1)] = 3
    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 600.0
    memory_gib: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 8.0
    views: bool = False


@record
class RunInfo:
    """A run as a whole.

    Attributes:
        suite: as it was run, after all options.
        not_installed: methods that were left out, by the package that they need.
        provenance: of the last command that worked on the run.
        salt: of everything random in the problems; "" if they are made from their seeds alone. That of a sealed run is
            stored when all sealed rows are scored; until then nobody knows it, nor the truth.
        sealed: rows of third parties that were scored before the salt and the truth were known.
        sealed_scores: digest of the scores of these rows, as they were before the truth was known.
    """

    suite: SuiteRecord
    provenance: Provenance
    not_installed: dict[str, list[str]] = field(default_factory=dict)
    salt: str = ""
    sealed: tuple[str, ...] = ()
    sealed_scores: str = ""


@record
class Trims:
    """The commands that retrained models of a run, by command."""

    commands: dict[str, Provenance]


@record
class ArmRecord:
    """One training without some rows.

    Attributes:
        problem: slug of the problem.
        removal: the leaderboard row or the control that suspects the rows.
        budget: the share of rows to remove.
        seed: of the training.
        k: rows removed.
        wrong_labels: noisy rows among them.
        accuracy: on the test rows, at the last epoch.
        accuracy_by_epoch: on some test rows, after each epoch.
        seconds: wall time of the training.
        depends_on: everything that the accuracy depends on, as digests.
    """

    problem: str
    removal: str
    budget: str
    seed: int
    k: int
    wrong_labels: int
    accuracy: float
    accuracy_by_epoch: list[float]
    seconds: float
    depends_on: dict[str, str]
