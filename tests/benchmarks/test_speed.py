"""Benchmarks of the hot paths: the gradient engine on five networks, each method on a fixed problem.

    pytest tests/benchmarks --benchmark-enable --benchmark-save=before
    pytest tests/benchmarks --benchmark-enable --benchmark-save=after
    influence-bench speed compare before after

Without --benchmark-enable each runs once, for correctness alone. `extra_info` holds the ratio to a plain training epoch
of the same problem, which survives a change of machine. `influence-bench speed engine` times the same works and
compares them with goals.
"""

from functools import partial
from statistics import fmean

import numpy as np
import pytest
import torch

import influence_bench as ib
from influence_bench.bench.instruments.stopwatch import cpu_time
from influence_bench.bench.models import architecture as models
from influence_bench.bench.registry.method import METHODS
from influence_bench.bench.run.cost import calibrate, steps_per_epoch
from influence_bench.bench.speed.networks import NETWORKS, network
from influence_bench.bench.speed.works import EPOCH, FORWARD, works

ROWS = 512
NETWORK_ROWS = {"mlp": 512, "small-resnet": 64, "transformer": 8, "resnet-18": 8, "language-model": 2}
pytestmark = pytest.mark.benchmark(timer=cpu_time)  # the clock of `calibrate`
WORKS = [(name, work.name) for name in NETWORKS for work in works(network(name))]


@pytest.fixture(scope="module", params=["mlp", "small-resnet"])
def problem(request):
    """A fixed problem of random inputs, labels and dynamics, an untrained model and two checkpoints."""
    torch.manual_seed(0)
    shape = (784,) if request.param == "mlp" else (3, 32, 32)
    build = partial(models.find_model(request.param).build, torch.Size(shape), 10)
    model = build()
    x, y = torch.randn(ROWS, *shape), torch.randint(10, (ROWS,))
    dynamics = dynamics_of(y)
    states = [(model.state_dict(), 1.0), (build().state_dict(), 1.0)]
    return ib.Problem(
        model,
        (x, y),
        (x[:64], y[:64]),
        states,
        dynamics=dynamics,
        groups=y,
        trainer=lambda rows, *_: (build(), dynamics_of(rows.y)),
    )


def dynamics_of(y):
    """Random dynamics of ten epochs, for the ten classes and an eleventh."""
    return ib.Dynamics.of(torch.randn(10, len(y), 11), y)


def note_epochs(benchmark, problem):
    """Store the median in training epochs with the benchmark."""
    if benchmark.stats is not None:
        epoch = fmean(calibrate(problem)) * steps_per_epoch(problem)
        benchmark.extra_info["epochs"] = round(benchmark.stats.stats.median / epoch, 3)


@pytest.mark.parametrize(("name", "work"), WORKS)
def test_gradient_engine(benchmark, name, work):
    if benchmark.disabled and name in ("resnet-18", "language-model"):
        pytest.skip("it takes minutes; tests/bench/speed/test_works.py checks its scores")
    problem = network(name).problem(NETWORK_ROWS[name])
    run = next(entry for entry in works(network(name)) if entry.name == work).prepare(problem)
    result = benchmark(run)
    parts = result.values() if isinstance(result, dict) else [result]
    assert all(np.isfinite(np.asarray(part)).all() for part in parts)
    if work not in (FORWARD, EPOCH) and not isinstance(result, dict):
        assert len(result) == NETWORK_ROWS[name]
    note_epochs(benchmark, problem)


@pytest.mark.filterwarnings("ignore::influence_bench.NotConverged")
@pytest.mark.parametrize("name", sorted(name for name, method in METHODS.all().items() if method.installed))
def test_method(benchmark, problem, name):
    assert len(benchmark(lambda: ib.score(name, problem))) == ROWS
    note_epochs(benchmark, problem)
