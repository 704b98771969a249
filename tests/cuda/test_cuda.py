"""A CUDA device trains and scores as the processor does, and its instruments and failures are those of a run."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import CLOSED, FALLBACKS, problem_of
from scipy.stats import spearmanr

import influence_bench as ib
from influence_bench.bench.catalogue import contract
from influence_bench.bench.instruments.stopwatch import phase
from influence_bench.bench.models.architecture import find_model
from influence_bench.bench.registry.method import METHODS
from influence_bench.bench.results.metrics import evaluate
from influence_bench.bench.run.cost import measured
from influence_bench.bench.training.loop import train
from influence_bench.methods.gradients.space import gradient_space

MEGABYTE = 10**6
NETWORKS = CLOSED | {kind: (build, shape) for kind, (build, shape, _) in FALLBACKS.items()}
PLUGIN = """
import torch
import influence_bench as ib


@ib.method(family="control", paper="none")
def greedy(problem):
    held = [torch.ones(2**34, device=problem.device) for _ in range(100)]
    return torch.zeros(len(problem.train)).numpy() + len(held)
"""
SUITE = """
title = "On a GPU"
seeds = 1
methods = ["loss", "datainf[layers=all]", "outlier-gradient", "greedy"]

[[problems]]
dataset = "blobs"
noise = "symmetric"
rate = 0.2
model = "mlp"
"""


def on_the_device(problem):
    """The same problem, whose model and batches are on the device."""
    return replace(problem, model=copy.deepcopy(problem.model).to("cuda"), device="cuda", known={})


def test_a_model_on_the_processor_is_scored_on_the_device_that_the_problem_names():
    problem, _ = contract.planted()
    elsewhere = replace(problem, device="cuda", known={})
    for name in ("loss", "outlier-gradient", "datainf"):
        assert spearmanr(ib.score(name, elsewhere), ib.score(name, problem))[0] > 0.99
    assert next(problem.model.parameters()).device.type == "cpu"


def sleeps():
    """Keep the device busy for about a fifth of a second."""
    torch.cuda._sleep(300_000_000)


@pytest.mark.parametrize("model", ["logistic", "mlp", "small-resnet"])
def test_training_ends_near_the_model_of_the_processor(model):
    shape = (3, 16, 16) if model == "small-resnet" else (20,)
    y = torch.arange(256) % 4
    x = torch.randn(256, *shape, generator=torch.Generator().manual_seed(0)) + y.reshape(-1, *[1] * len(shape))
    rows = ib.Examples(x, y)
    here, there = (train(find_model(model), rows, 4, 0, share=0.1, device=name).model for name in ("cpu", "cuda"))
    with torch.no_grad():
        ours, theirs = here.eval()(x), there.eval()(x.to("cuda")).cpu()
    assert (ours.argmax(1) == theirs.argmax(1)).float().mean() > 0.97
    assert float((ours - theirs).norm() / ours.norm()) < 0.05


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.filterwarnings("ignore::influence_bench.FunctionalFallback")
def test_gradients_of_every_kind_of_network_are_those_of_the_processor(kind):
    problem = problem_of(*NETWORKS[kind])
    here, there = gradient_space(problem, "all"), gradient_space(on_the_device(problem), "all")
    torch.testing.assert_close(there.train.squared_l2(), here.train.squared_l2(), rtol=1e-8, atol=1e-12)
    ours, theirs = here.valid.mean(), there.valid.mean()
    torch.testing.assert_close(there.train.inner(theirs), here.train.inner(ours), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", sorted(METHODS.all()))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_method_scores_as_on_the_processor_and_keeps_the_contract(name, monkeypatch):
    method = METHODS.find(name)
    if not method.installed:
        pytest.skip(f"{name} needs {method.package}")
    problem, truth = contract.planted()
    if "retraining" not in method.uses_with({}):
        here, there = ib.score(name, problem), ib.score(name, on_the_device(problem))
        assert spearmanr(np.ravel(here), np.ravel(there))[0] > 0.99 or method.family == "control"
    monkeypatch.setattr(contract, "planted", lambda: (on_the_device(problem), truth))
    contract.gives_one_finite_number_per_row(name, {})
    contract.changes_nothing(name, {})
    contract.beats_chance(name, {})


@pytest.mark.parametrize(("name", "given"), [("loss", {}), ("outlier-gradient", {"detector": "l2"}), ("grad-dot", {})])
def test_half_precision_finds_as_much_as_single(name, given):
    problem, truth = contract.planted()
    single = on_the_device(problem)
    half = replace(single, model=copy.deepcopy(single.model).bfloat16(), checkpoints=(), known={})
    aucs = [evaluate(ib.score(name, precise, **given), truth)["roc_auc"] for precise in (single, half)]
    assert aucs[0] == pytest.approx(aucs[1], abs=0.02)


def test_memory_and_time_of_a_known_allocation_and_a_known_kernel_are_reported(own_methods):
    @ib.method(family="control", paper="none")
    def known_kernel(problem):
        held = torch.ones(300 * MEGABYTE, dtype=torch.uint8, device=problem.device)
        with phase("gradients"):
            sleeps()
        return np.arange(len(problem.train)) + float(held[0])

    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    sleeps()
    end.record()
    torch.cuda.synchronize()
    _, cost, _ = measured("known-kernel", {}, on_the_device(contract.planted()[0]))
    assert cost.gradients_seconds == pytest.approx(start.elapsed_time(end) / 1000, rel=0.1)
    assert cost.device_peak_bytes == pytest.approx(300 * MEGABYTE, rel=0.1)
    assert cost.epochs == pytest.approx(cost.seconds / cost.epoch_seconds, rel=0.05)


def test_a_run_forks_before_any_context_and_a_row_that_runs_out_of_memory_is_a_result(tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "own.toml").write_text(SUITE)
    (tmp_path / "greedy.py").write_text(PLUGIN)
    run = ib.run(str(tmp_path / "own.toml"), out=tmp_path / "run", device="cuda", plugins=[tmp_path / "greedy.py"])
    status = run.frame().set_index("method")["status"]
    assert status["greedy"] == "out of memory"
    assert set(status.drop("greedy")) == {"ok"}
    assert run.info.provenance.device == torch.cuda.get_device_name()
