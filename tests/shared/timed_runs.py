"""Runs whose cells took some CPU time, for tests of claims about costs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from made_up_runs import SPEC, MadeUpRun, cell, problem

from influence_bench.bench.results.records import CellRecord, Cost, ProblemRecord

FOREST, L1, L2 = "outlier-gradient", "outlier-gradient[detector=l1]", "outlier-gradient[detector=l2]"
Sizes = tuple[int, int, int]
Took = Callable[[int, int, int], float]


@dataclass(frozen=True)
class TimedRun(MadeUpRun):
    """A run of given cells."""

    records: Sequence[CellRecord] = ()
    problems: Mapping[str, ProblemRecord] = field(default_factory=dict)

    def cells(self) -> list[CellRecord]:
        return list(self.records)

    def problem(self, slug: str) -> ProblemRecord:
        return self.problems[slug]


def timed(
    took: Mapping[str, Took],
    sizes: Sequence[Sizes],
    seeds: int = 3,
    noise: float = 0.01,
    layers: str = "",
    first: int = 0,
) -> TimedRun:
    """A run of problems of `sizes`, n, p and v, whose rows `took` so many CPU seconds, up to noise.

    A pass for the gradients of all rows takes a second at n = 100 and p = 10.
    """
    rng, records, problems = np.random.default_rng(first), [], {}
    for n, p, v in sizes:
        for seed in range(seeds):
            spec = replace(SPEC, dataset=f"gaussians[rows={v}]", size=n, model=f"mlp[width={p}]", seed=seed)
            problems[spec.slug] = replace(problem(spec, n, p), card={"rows": {"valid": v}})
            for row, seconds in took.items():
                factor = np.exp(rng.normal(0, noise))
                paid = cost(seconds(n, p, v) * factor, one_pass(n, p, v) * factor)
                family = "outlier gradient" if row in (FOREST, L1, L2) else "influence function"
                records.append(cell(with_layers(row, layers), spec.slug, paid, family=family))
    return TimedRun(records=records, problems=problems)


def one_pass(n: int, p: int, v: int) -> float:
    return n * p / 1000


def passes(number: float) -> Took:
    """The time of a number of passes."""
    return lambda n, p, v: number * one_pass(n, p, v)


def cost(seconds: float, gradients: float) -> Cost:
    phases = {"gradients": gradients, "score": 0.001}
    return Cost(9.0, seconds, 9.0, 9.0, 0.0, 0.0, 1.0, 1.0, 1_000_000, 0, {}, phase_cpu_seconds=phases)


def with_layers(row: str, layers: str) -> str:
    if not layers:
        return row
    return row.replace("]", f",layers={layers}]") if "[" in row else f"{row}[layers={layers}]"
