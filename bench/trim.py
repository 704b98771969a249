"""Trim and retrain: how a model does when the rows that a method suspects are left out of its training.

Every arm has the same loader, shuffling, epochs and seeds, and is judged at its last epoch. What a method is worth is
its difference from the random removal of as many rows, seed by seed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import dataset as datasets
from . import fingerprint, models
from .errors import InputError, unknown
from .examples import Examples
from .progress import Progress, progress
from .results import Run, open_run, read_json, write_json
from .runner import PREPARE_SECONDS, THREADS, Submit, checked, pool, provenance
from .suite import ProblemSpec
from .training import Training, Watch, accuracy, train

EACH_EPOCH = 1000  # test rows that are looked at after each epoch
CONTROLS = ("none", "none, unshuffled", "random", "oracle")
"""What is removed beside the methods' suspects: nothing, in shuffled or unshuffled training; any rows; wrong labels."""


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


def trim(
    run: str | Path | Run,
    budgets: Sequence[str] = ("5%", "true"),
    seeds: int = 3,
    *,
    methods: Sequence[str] | None = None,
    workers: int | None = None,
) -> Run:
    """Retrain the models of a finished run without the rows that its methods suspect; what is done is kept.

    Args:
        run: the run, or its folder.
        budgets: shares of the training rows to remove, as `5%`, or `true` for the true number of wrong labels.
        seeds: trainings of each arm, from 0; arms are paired by them.
        methods: leaderboard rows of the run; default all that ended well.
        workers: processes at a time, one thread each; default one per core, or one on the run's CUDA device.

    Raises:
        InputError: for a budget that is none, an unknown row, or a run without finished cells.
    """
    run = run if isinstance(run, Run) else open_run(run)
    arms = arms_of(run, [_budget(text) for text in budgets], seeds, methods)
    pending = {str(arm): arm for arm in arms if stale(run, arm)}
    device = arms[0].problem.device
    workers = checked(workers, device)
    with progress(f"Trim and retrain: {run.folder}") as shown, pool(workers, []) as submit:
        shown.stage("training", len(arms), done=len(arms) - len(pending))
        _train_all(run, pending, submit, shown)
    run.write_trim(provenance(workers, device))
    return run


def _train_all(run: Run, pending: dict[str, Arm], submit: Submit, shown: Progress) -> None:
    jobs: dict[str, dict[str, Any]] = {
        name: {"run": str(run.folder.resolve()), "kind": "trim", "threads": THREADS, "timeout": PREPARE_SECONDS}
        | asdict(arm)
        for name, arm in pending.items()
    }
    for name, answer in submit(jobs, shown):
        if answer["status"] != "done":
            raise InputError(f"{name} cannot be trained: {answer['error']}")


def arms_of(run: Run, budgets: Sequence[str], seeds: int, methods: Sequence[str] | None = None) -> list[Arm]:
    """Every arm: each problem, each row that ended well there and each control, each budget, each seed.

    Raises:
        InputError: for an unknown row, or a run without finished cells.
    """
    if seeds < 1:
        raise InputError(f"seeds={seeds} is out of range: at least 1")
    done = [record for record in run.records() if record["status"] == "ok"]
    if not done:
        raise InputError(f"{run.folder} has no finished cells to trim by")
    for name in methods or ():
        if name not in {record["method"] for record in done}:
            raise unknown(f"row of {run.folder}", name, sorted({record["method"] for record in done}))
    arms = []
    for slug in sorted({record["problem"] for record in done}):
        spec = ProblemSpec(**read_json(run.folder / "problems" / f"{slug}.json")["spec"])
        if run.truth(slug).ndim > 1:
            raise InputError(f"{slug} has no noisy rows to remove: its truth is which rows influence which")
        rows = [r["method"] for r in done if r["problem"] == slug and (not methods or r["method"] in methods)]
        rows = [row for row in rows if row not in CONTROLS]
        for seed in range(seeds):
            arms += [Arm(spec, name, "", seed) for name in CONTROLS[:2]]
            arms += [Arm(spec, name, budget, seed) for budget in budgets for name in (*CONTROLS[2:], *rows)]
    return arms


def _budget(text: str) -> str:
    """A budget in its one form.

    Raises:
        InputError: if it is none.
    """
    if text == "true":
        return text
    try:
        share = float(text.removesuffix("%"))
    except ValueError:
        share = -1.0
    if not text.endswith("%") or not 0 < share < 100:
        raise InputError(f"the budget {text!r} does not fit: give a share of the training rows such as 5%, or true")
    return f"{share:g}%"


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
    architecture, classes = models.find(spec.model), len(data.classes)
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
