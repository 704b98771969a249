"""Verdicts on single claims, for tests of what a claim makes of a run."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from made_up_runs import MadeUpRun

from influence_bench.bench.results.run import Run
from influence_bench.reports.claims.claim import CLAIMS, Evidence
from influence_bench.reports.claims.judge import Verdict, judged
from influence_bench.reports.statistics.estimates import estimate

Claimed = Callable[[Run], Evidence]


def verdicts(function: Claimed, runs: Iterable[Run]) -> list[Verdict]:
    """The verdicts on a registered claim of several runs, all on one page."""
    contrast = next(claim.contrast for claim in CLAIMS.all().values() if claim.function is function)
    return judged([(contrast, estimate(function(run).differences)) for run in runs])


def word(function: Claimed, run: Run) -> str:
    """The verdict on a registered claim, alone on its page, in a word or two."""
    return verdicts(function, [run])[0].word


def words(function: Claimed, runs: Iterable[Run]) -> set[str]:
    """All verdicts of a page, in a word or two."""
    return {verdict.word for verdict in verdicts(function, runs)}


def noisy(run: MadeUpRun, rng: np.random.Generator, spread: float = 0.01) -> MadeUpRun:
    """A made-up run whose figures move at random, each row's on its own."""
    table, trainings = run.table.copy(), run.trainings.copy()
    for frame, figures in ((table, ("roc_auc", "recall_at_k")), (trainings, ("accuracy",))):
        for figure in figures:
            if figure in frame:
                frame[figure] += rng.normal(0, spread, len(frame))
    return replace(run, table=table, trainings=trainings)
