"""One training without some of the rows, as a worker does it."""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets import dataset as datasets
from .. import fingerprint
from ..files import read_json, write_json
from ..models import architecture as models
from ..problem.examples import Examples
from ..results.run import Run
from ..results.specs import ProblemSpec
from ..training.loop import Training, Watch, accuracy, train

EACH_EPOCH = 1000  # test rows that are looked at after each epoch


@dataclass(frozen=True)
class Arm:
    """One training without some rows: the first so many by the suspicion of a method or a control."""

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


def removed(run: Run, arm: Arm) -> NDArray[np.int64]:
    """The training rows (k,) that an arm leaves out, in ascending order."""
    truth = run.truth(arm.problem.slug)
    n = len(truth)
    if not arm.budget:
        return np.zeros(0, np.int64)
    k = int(truth.sum()) if arm.budget == "true" else round(n * float(arm.budget.removesuffix("%")) / 100)
    anyhow = np.random.default_rng([arm.problem.seed, arm.seed, k]).random(n)
    suspicion = {"random": lambda: anyhow, "oracle": lambda: truth + anyhow}.get(
        arm.removal, lambda: run.scores(_record(run, arm))
    )()
    return np.sort(np.argsort(-suspicion, kind="stable")[:k])


class Judge(Watch):
    """Keeps the accuracy on some rows after each epoch."""

    def __init__(self, rows: Examples) -> None:
        self.rows = rows
        self.by_epoch: list[float] = []

    def epoch(self, training: Training) -> None:
        """Look at the rows."""
        self.by_epoch.append(accuracy(training.model, self.rows))


def train_arm(run: Run, arm: Arm) -> None:
    """Train an arm where its run was; store its accuracy on test rows, at the last epoch, and on some at every one."""
    spec, out = arm.problem, removed(run, arm)
    data = datasets.load(spec.dataset, spec.noise, spec.rate, spec.seed, spec.size)
    architecture, classes = models.find_model(spec.model), len(data.classes)
    rows, test = architecture.encoded(data.train), architecture.encoded(data.test)
    kept = rows[np.setdiff1d(np.arange(len(rows)), out)]
    began, judge = perf_counter(), Judge(test[:EACH_EPOCH])
    model = train(architecture, kept, classes, arm.seed, judge, shuffled=arm.shuffled, device=spec.device).model
    result = {
        "problem": spec.slug,
        "removal": arm.removal,
        "budget": arm.budget,
        "seed": arm.seed,
        "k": len(out),
        "wrong_labels": int(run.truth(spec.slug)[out].sum()),
        "accuracy": judge.by_epoch[-1] if len(test) <= EACH_EPOCH else accuracy(model, test),
        "accuracy_by_epoch": judge.by_epoch,
        "seconds": perf_counter() - began,
        "depends_on": dependencies(run, arm),
    }
    write_json(arm_file(run, arm), result)


def stale(run: Run, arm: Arm) -> bool:
    """Whether an arm has yet to be trained, or what it depends on has changed."""
    file = arm_file(run, arm)
    return not file.exists() or read_json(file).get("depends_on") != dependencies(run, arm)


def dependencies(run: Run, arm: Arm) -> dict[str, str]:
    """All that an arm's accuracy depends on: the problem, with its code and its libraries, and the rows removed."""
    folder = read_json(run.problem_file(arm.problem))["folder"]
    return {"problem": Path(folder).name, "removed": fingerprint.digest(removed(run, arm).tobytes())}


def arm_file(run: Run, arm: Arm) -> Path:
    """Where the result of an arm lies."""
    name = fingerprint.digest(arm.removal, arm.budget, str(arm.seed))
    return run.folder / "trimmed" / arm.problem.slug / f"{name}.json"


def _record(run: Run, arm: Arm) -> dict[str, Any]:
    """The record of the cell whose scores an arm trims by."""
    return read_json(run.cell_file(arm.problem.slug, arm.removal))
