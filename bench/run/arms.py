"""One training without some of the rows, as a worker does it."""

from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from ...datasets.dataset import load
from .. import fingerprint
from ..errors import InputError
from ..models.architecture import find_model
from ..problem.examples import Examples
from ..results.records import ArmRecord
from ..results.run import Run
from ..results.specs import Arm, Cell, percentage
from ..training.loop import Training, Watch, accuracy, train

EACH_EPOCH = 1000  # test rows on which the accuracy is computed after each epoch


def removed(run: Run, arm: Arm) -> NDArray[np.int64]:
    """The training rows (k,) that an arm leaves out, in ascending order.

    Raises:
        InputError: if the run has no scores of the row that the arm trims by.
    """
    truth = run.truth(arm.problem.slug)
    n = len(truth)
    if not arm.budget:
        return np.zeros(0, np.int64)
    k = int(truth.sum()) if arm.budget == "true" else round(n * percentage(arm.budget) / 100)
    drawn = np.random.default_rng([arm.problem.seed, arm.seed, k]).random(n)
    match arm.removal:
        case "random":
            suspicion = drawn
        case "oracle":
            suspicion = truth + drawn
        case _:
            suspicion = _scores(run, arm)
    return np.sort(np.argsort(-suspicion, kind="stable")[:k])


class Judge(Watch):
    """Keeps the accuracy on some rows after each epoch."""

    def __init__(self, rows: Examples) -> None:
        self.rows = rows
        self.by_epoch: list[float] = []

    def epoch(self, training: Training) -> None:
        """Compute the accuracy."""
        self.by_epoch.append(accuracy(training.model, self.rows))


def train_arm(run: Run, arm: Arm) -> None:
    """Train without an arm's rows; store the accuracy on the test rows, and on some of them after each epoch."""
    spec, out = arm.problem, removed(run, arm)
    data = load(spec.dataset, spec.noise, spec.rate, spec.seed, spec.size, run.info.salt)
    architecture, classes = find_model(spec.model), len(data.classes)
    rows, test = architecture.encoded(data.train), architecture.encoded(data.test)
    kept = rows[np.setdiff1d(np.arange(len(rows)), out)]
    began, judge = perf_counter(), Judge(test[:EACH_EPOCH])
    model = train(architecture, kept, classes, arm.seed, judge, shuffled=arm.shuffled, device=spec.device).model
    record = ArmRecord(
        problem=spec.slug,
        removal=arm.removal,
        budget=arm.budget,
        seed=arm.seed,
        k=len(out),
        wrong_labels=int(run.truth(spec.slug)[out].sum()),
        accuracy=judge.by_epoch[-1] if len(test) <= EACH_EPOCH else accuracy(model, test),
        accuracy_by_epoch=judge.by_epoch,
        seconds=perf_counter() - began,
        depends_on=dependencies(run, arm),
    )
    run.write_arm(arm, record)


def stale(run: Run, arm: Arm) -> bool:
    """Whether an arm has yet to be trained, or what it depends on has changed."""
    try:
        record = run.arm(arm)
    except InputError:  # a damaged record
        return True
    return record is None or record.depends_on != dependencies(run, arm)


def dependencies(run: Run, arm: Arm) -> dict[str, str]:
    """Everything that an arm's accuracy depends on: the problem, with its code and libraries, and the rows removed."""
    folder = run.problem(arm.problem.slug).folder
    return {"problem": Path(folder).name, "removed": fingerprint.digest(removed(run, arm).tobytes())}


def _scores(run: Run, arm: Arm) -> NDArray[np.float64]:
    record = run.cell(Cell(arm.problem, "", {}, arm.removal))
    if record is None:
        raise InputError(f"{run.folder} has no scores of {arm.removal} on {arm.problem.slug}")
    return run.scores(record)
