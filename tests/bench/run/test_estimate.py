"""Estimates before the work: the extrapolation on costs of known growth, and methods whose cost is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import influence_bench as ib
from influence_bench.bench.instruments import stopwatch
from influence_bench.bench.run.estimate import estimate, extrapolated, grows_faster
from influence_bench.bench.run.plan import plan

N = 8192  # 64 batches
ROWS = (N // 32, N // 8)
GROWTH = {
    "constant": lambda n: 5.0,
    "linear": lambda n: 3e-3 * n,
    "linear and constant": lambda n: 2.0 + 1e-3 * n,
    "quadratic": lambda n: 1e-6 * n**2,
    "quadratic and linear": lambda n: 1e-3 * n + 1e-6 * n**2,
    "cubic": lambda n: 1e-9 * n**3,
}


@pytest.mark.parametrize("growth", GROWTH)
def test_extrapolation_is_exact_for_costs_without_noise(growth):
    cost = GROWTH[growth]
    assert extrapolated(ROWS, [cost(m) for m in ROWS], N) == pytest.approx(cost(N))


@pytest.mark.parametrize("growth", GROWTH)
def test_extrapolation_holds_a_factor_of_two_under_noise(growth):
    cost, rng = GROWTH[growth], np.random.default_rng(0)
    for _ in range(100):
        measured = [cost(m) * rng.uniform(0.97, 1.03) for m in ROWS]
        assert 0.5 < extrapolated(ROWS, measured, N) / cost(N) < 2


def test_extrapolation_bears_sorting_costs_that_fall_and_a_single_point():
    assert extrapolated([2048, 4096], [2048 * 11.0, 4096 * 12.0], 2**15) == pytest.approx(2**15 * 15, rel=0.3)
    assert extrapolated([100, 400], [3.0, 2.0], 3200) == 2.0
    assert extrapolated([100], [3.0], 3200) == 3.0
    assert extrapolated([100, 400, 3200], [1.0, 9.0, 7.0], 3200) == 7.0
    assert extrapolated([100, 400], [0.0, 0.0], 3200) == 0.0
    assert extrapolated([100, 400], [0.0, 1.0], 800) == extrapolated([100, 400], [1e-9, 1.0], 800) == 8.0


def test_growth_within_the_noise_is_not_faster_than_the_rows():
    assert grows_faster([100, 400], [0.001, 0.01])
    assert not grows_faster([100, 400], [0.001, 0.01], noise=0.002)


@pytest.fixture
def planted(monkeypatch, own_methods):
    """Register methods whose cost per call is known; each notes how many rows it was called with."""
    calls = []

    def register(function, **declared):
        def planted(problem, layers: str = "last"):
            """Of known cost."""
            calls.append(len(problem.train))
            return function(problem)

        return ib.method(family="control", paper="none", **declared)(planted)

    register.calls = calls
    return register


@pytest.fixture
def problem():
    torch.manual_seed(0)
    x, y = torch.randn(N, 4), torch.arange(N) % 2
    return ib.Problem(torch.nn.Linear(4, 2), train=(x, y), valid=(x[:64], y[:64]))


@pytest.fixture
def takes(monkeypatch):
    """Let a method take so many seconds, by a clock that only this moves: the machine's load plays no part.

    The CPU clock moves as far, and goes on by itself, so that an epoch takes some time.
    """
    now, real = [0.0], stopwatch.cpu_time
    monkeypatch.setattr(stopwatch, "perf_counter", lambda: now[0])
    monkeypatch.setattr(stopwatch, "cpu_time", lambda: now[0] + real())

    def takes(seconds):
        now[0] += seconds

    return takes


def zeros(problem):
    return np.zeros(len(problem.train))


def test_time_and_memory_in_proportion_to_the_rows(planted, problem, takes):
    def proportional(problem):
        held = np.ones((len(problem.train), 50_000), dtype=np.uint8)
        takes(2.5e-4 * len(problem.train))
        return held[:, 0]

    told = estimate(planted(proportional), problem)
    assert told.n == N
    assert 0.5 < told.seconds / (2.5e-4 * N) < 2
    assert 0.5 < told.peak_bytes / (50_000 * N) < 2
    assert 0.5 < told.epochs * told.epoch_seconds / (2.5e-4 * N) < 2
    assert told.pilot_rows == max(planted.calls)
    assert told.refused == ""


def test_time_and_memory_that_do_not_depend_on_the_rows(planted, problem, takes):
    def constant(problem):
        held = np.ones(60_000_000, dtype=np.uint8)
        takes(1.2)
        return zeros(problem) + held[0]

    told = estimate(planted(constant), problem)
    assert 0.5 < told.seconds / 1.2 < 2
    assert 0.5 < told.peak_bytes / 60e6 < 2
    assert len(planted.calls) == 3


def test_growth_faster_than_the_rows_is_looked_at_more_closely(planted, problem, takes):
    def quadratic(problem):
        takes(2e-7 * len(problem.train) ** 2)
        return zeros(problem)

    told = estimate(planted(quadratic), problem)
    assert 0.5 < told.seconds / (2e-7 * N**2) < 2
    assert told.pilot_rows == N // 4


def test_a_run_that_is_short_is_its_own_pilot(planted, problem):
    assert estimate(planted(zeros), problem).pilot_rows == N


def test_pilots_see_every_class_and_the_problems_own_validation_rows(planted, problem):
    seen = []

    def looks(problem):
        seen.append((problem.train.y.unique().tolist(), len(problem.validation)))
        return zeros(problem)

    estimate(planted(looks, uses={"validation"}), problem)
    assert set(map(str, seen)) == {str(([0, 1], 64))}


def test_what_does_not_fit_the_memory_budget_is_refused_in_one_line_before_it_is_run_in_full(planted, problem):
    def large(problem):
        return np.ones((len(problem.train), 50_000), dtype=np.uint8)[:, 0]

    refused = estimate(planted(large), replace(problem, memory_budget=150_000_000)).refused
    assert refused.startswith("planted on 8,192 rows needs about 0.4")
    assert refused.endswith(
        "above the memory budget of 0.15 GB: choose fewer layers, or give Problem a larger memory_budget"
    )
    assert max(planted.calls) == N // 4


def test_a_method_that_fails_on_a_pilot_says_why_in_one_line(planted, problem):
    def broken(problem):
        raise RuntimeError("first line\nsecond line")

    message = r"^planted\[layers=all\] fails on a pilot of 256 of 8,192 rows: RuntimeError: first line second line$"
    with pytest.raises(ib.InputError, match=message):
        estimate(planted(broken), problem, layers="all")


def test_mistakes_are_told_before_any_pilot(planted, problem):
    with pytest.raises(ib.InputError, match="did you mean el2n"):
        estimate("el2", problem)
    with pytest.raises(ib.InputError, match="layer"):
        estimate(planted(zeros), problem, layer="all")
    assert not planted.calls


SUITE = """
timeout = 1
memory_gib = 1
seeds = 4

[[problems]]
dataset = "blobs"
noise = "symmetric"
rate = 0.2
model = "logistic"
"""

PLUGIN = """
import time
import numpy as np
import influence_bench as ib

@ib.method(family="control", paper="none")
def sleeps(problem, seconds: float = 0.2):
    time.sleep(seconds)
    return np.zeros(len(problem.train))

@ib.method(family="control", paper="none")
def eats_memory(problem):
    return np.ones(2 * 10**9, dtype=np.uint8)[: len(problem.train)]
"""


def test_a_plan_estimates_every_row_of_the_first_seed_and_sums_up_all_seeds(tmp_path, monkeypatch, own_methods):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path / "problems"))
    (tmp_path / "mine.py").write_text(PLUGIN)
    (tmp_path / "own.toml").write_text(SUITE)
    rows = ["sleeps[seconds=1.3]", "sleeps", "random", "eats-memory"]
    told = plan(str(tmp_path / "own.toml"), methods=rows, plugins=[tmp_path / "mine.py"], workers=2)
    frame = told.frame.set_index("method")
    assert list(frame.index[:3]) == ["sleeps[seconds=1.3]", "sleeps", "random"]
    assert frame["status"].to_dict() == dict.fromkeys(rows[:3], "ok") | {"eats-memory": "out of memory"}
    assert frame.loc["sleeps", "seconds"] == pytest.approx(0.2, rel=0.3)
    assert frame.loc["sleeps[seconds=1.3]", "remark"] == "above the suite's limit of 1 s"
    assert "fails on a pilot of 150 of 150 rows" in frame.loc["eats-memory", "remark"]
    assert (told.seeds, told.workers) == (4, 2)
    assert 0.5 < told.scoring_seconds / ((1 + 0.5 + 0.1) * 4 / 2) < 2
    assert told.training_seconds > 0
