"""Small runs on disk, whose scores are drawn at random and find wrong labels more or less well."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from made_up_runs import PROVENANCE

from influence_bench.bench.results.records import ArmRecord, CellRecord, Cost, ProblemRecord, RunInfo, SuiteRecord
from influence_bench.bench.results.run import Run
from influence_bench.bench.results.specs import Arm, ProblemSpec
from influence_bench.bench.run.arms import dependencies, removed

PROBLEMS = (ProblemSpec("digits", "mlp", "symmetric", 0.2), ProblemSpec("blobs", "logistic", "symmetric", 0.2))
METHODS = {"loss": ("label quality", 1.5), "el2n": ("gradient norm", 1.0), "random": ("control", 0.0)}
REMOVALS = (("none", ""), ("random", "5%"), ("oracle", "5%"), ("loss", "5%"))
ROWS, WRONG = 40, 8
COMMAND = "influence-bench run quick --out /home/someone/runs/quick"


def stored_run(folder: Path, seeds: int = 2, trimmed: bool = False, views: bool = False, suite: str = "quick") -> Run:
    """A run of `METHODS` on `PROBLEMS`; `el2n` failed on the last problem and seed."""
    run, rng = Run(folder), np.random.default_rng(0)
    asked = SuiteRecord(suite, f"The suite {suite}", PROBLEMS, tuple(METHODS), seeds, views=views)
    run.write_info(RunInfo(asked, replace(PROVENANCE, command=COMMAND)))
    specs = [replace(problem, seed=seed) for problem in PROBLEMS for seed in range(seeds)]
    for spec in specs:
        truth = rng.permutation(ROWS) < WRONG
        view = {"x": rng.normal(size=(ROWS, 2)).astype(np.float32), "given": rng.integers(0, 3, ROWS)}
        record = ProblemRecord(spec, WRONG / ROWS, ROWS, 100, 0.9, "/home/someone/cache/0123abcd", {"kind": "table"})
        run.write_problem(record, {"truth": truth, "symmetric": truth}, view if views else None)
        for name, (family, skill) in METHODS.items():
            cell = _cell(spec, name, family, rng.uniform(0.5, 2))
            run.write_cell(cell, rng.normal(size=ROWS) + skill * truth)
        if trimmed:
            for (removal, budget), seed in product(REMOVALS, range(2)):
                arm = Arm(spec, removal, budget, seed)
                run.write_arm(arm, _training(run, arm, rng))
    failed = replace(_cell(specs[-1], "el2n", METHODS["el2n"][0], 1.0), status="error", cost=None)
    traceback = 'File "/home/someone/mine.py", line 3'
    run.write_cell(replace(failed, error="ValueError: /home/someone/x is odd", traceback=traceback), None)
    if trimmed:
        run.write_trim(replace(PROVENANCE, command="influence-bench trim /home/someone/runs/quick"))
    return run


def _cell(spec: ProblemSpec, name: str, family: str, seconds: float) -> CellRecord:
    cost = Cost(
        seconds=seconds,
        cpu_seconds=0.9 * seconds,
        gradients_seconds=0.4 * seconds,
        score_seconds=0.6 * seconds,
        retrain_seconds=0.0,
        warmup_seconds=0.1,
        epoch_seconds=0.5,
        epochs=seconds / 0.5,
        peak_bytes=1000,
        device_peak_bytes=0,
        phase_peak_bytes={"score": 1000},
    )
    return CellRecord(name, name, family, ["validation"], False, {}, spec.slug, {"code of a": "1"}, "ok", cost=cost)


def _training(run: Run, arm: Arm, rng: np.random.Generator) -> ArmRecord:
    rows = removed(run, arm)
    wrong = int(run.truth(arm.problem.slug)[rows].sum())
    accuracy = 0.8 + 0.02 * wrong + 0.005 * rng.normal()
    of = (arm.problem.slug, arm.removal, arm.budget, arm.seed)
    return ArmRecord(*of, len(rows), wrong, accuracy, [0.5, accuracy], 1.0, dependencies(run, arm))
