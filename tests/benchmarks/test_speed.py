"""pytest-benchmark suite of the hot paths: the gradient engine, each detector, each method on one fixed problem.

    pytest tests/benchmarks --benchmark-enable --benchmark-save=before
    pytest tests/benchmarks --benchmark-enable --benchmark-save=after
    pytest-benchmark compare --group-by=fullname --columns=min,median,iqr --sort=name

The tests run these once for correctness and judge no time. `extra_info` holds the ratio to one plain training epoch of
the same problem, which survives a change of machine.
"""

import pytest
import torch

import influence_bench as ib
from influence_bench.bench.measure import calibrate
from influence_bench.bench.models import architectures
from influence_bench.bench.registry import registered
from influence_bench.methods.gradients import gradient_space

ROWS = 512


@pytest.fixture(scope="module", params=["mlp", "small-resnet"])
def problem(request):
    """A fixed problem: random inputs and labels, an untrained model, one checkpoint."""
    torch.manual_seed(0)
    shape = (784,) if request.param == "mlp" else (3, 32, 32)
    model = architectures[request.param].build(torch.Size(shape), 10)
    x, y = torch.randn(ROWS, *shape), torch.randint(10, (ROWS,))
    return ib.Problem(model, train=(x, y), valid=(x[:64], y[:64]))


@pytest.fixture
def epochs(benchmark, problem):
    """After the test, note the median in epochs beside the benchmark."""
    yield
    if benchmark.stats is not None:
        times = sorted(calibrate(problem))
        epoch = times[len(times) // 2] * ROWS / problem.batch_size
        benchmark.extra_info["epochs"] = round(benchmark.stats.stats.median / epoch, 3)


REDUCTIONS = {
    "squared L2 norms": lambda space: space.train.squared_l2(),
    "L1 norms": lambda space: space.train.l1(),
    "inner products": lambda space: space.train.inner(space.train.mean()),
    "weighted sum": lambda space: space.train.mean(),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("layers", ["last", "all"])
def test_gradient_engine(benchmark, problem, epochs, layers, reduction):
    result = benchmark(lambda: REDUCTIONS[reduction](gradient_space(problem, layers)))
    assert all(torch.isfinite(part).all() for part in (result.values() if isinstance(result, dict) else [result]))


def test_forward_pass(benchmark, problem, epochs):
    """The limit for whatever the last layer alone decides."""
    assert benchmark(problem.outputs).shape == (ROWS, 10)


@pytest.mark.parametrize("detector", ["iforest", "l1", "l2"])
def test_detector(benchmark, problem, epochs, detector):
    assert benchmark(lambda: ib.score("outlier-gradient", problem, detector=detector)).shape == (ROWS,)


@pytest.mark.filterwarnings("ignore::influence_bench.NotConverged")
@pytest.mark.parametrize("name", sorted(set(registered()) - {"outlier-gradient"}))
def test_method(benchmark, problem, epochs, name):
    assert benchmark(lambda: ib.score(name, problem)).shape == (ROWS,)
