"""Trim and retrain: how a model does when the rows that a method suspects are left out of its training.

Every arm has the same loader, shuffling, epochs and seeds, and is judged at its last epoch. The value of a method is
its difference from the random removal of as many rows, seed by seed.
"""

from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError, unknown
from ..progress import Progress, progress
from ..results.opening import Published, open_run
from ..results.run import Run
from ..results.specs import CONTROLS, Arm
from .arms import stale
from .jobs import Job, Train
from .pool import Submit, pool, worker_count
from .provenance import provenance


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
        InputError: for a budget that is none, an unknown row, or a run that is published or without finished cells.
    """
    run = run if isinstance(run, Run) else open_run(run)
    if isinstance(run, Published):
        raise InputError("a published run does not change: influence-bench unpack makes a run of it to trim")
    arms = arms_of(run, [_budget(text) for text in budgets], seeds, methods)
    pending = {str(arm): arm for arm in arms if stale(run, arm)}
    device = arms[0].problem.device
    workers = worker_count(workers, device)
    with progress(f"Trim and retrain: {run.folder}") as shown, pool(workers) as submit:
        shown.stage("training", len(arms), done=len(arms) - len(pending))
        _train_all(run, pending, submit, shown)
    run.write_trim(provenance(workers, device))
    return run


def _train_all(run: Run, pending: dict[str, Arm], submit: Submit, shown: Progress) -> None:
    folder = str(run.folder.resolve())
    for name, answer in submit({name: Job(folder, Train(arm)) for name, arm in pending.items()}, shown):
        if answer.status != "done":
            raise InputError(f"{name} cannot be trained: {answer.error}")


def arms_of(run: Run, budgets: Sequence[str], seeds: int, methods: Sequence[str] | None = None) -> list[Arm]:
    """Every arm: each problem, each row that ended well there and each control, each budget, each seed.

    Raises:
        InputError: for an unknown row, or a run without finished cells.
    """
    if seeds < 1:
        raise InputError(f"seeds={seeds} is out of range: at least 1")
    done = [record for record in run.cells() if record.status == "ok"]
    if not done:
        raise InputError(f"{run.folder} has no finished cells to trim by")
    known = {record.method for record in done}
    for name in methods or ():
        if name not in known:
            raise unknown("row", name, sorted(known), f"in {run.folder}")
    arms = []
    for slug in sorted({record.problem for record in done}):
        spec = run.problem(slug).spec
        if run.truth(slug).ndim > 1:
            raise InputError(f"{slug} has no noisy rows to remove: its truth is which rows influence which")
        rows = [record.method for record in done if record.problem == slug]
        rows = [row for row in rows if row not in CONTROLS and (not methods or row in methods)]
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
