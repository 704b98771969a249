"""The instruments themselves: what is known to take so long and so much is reported so."""

import subprocess
import sys
import time
import zlib
from threading import Thread

import numpy as np
import pytest
import torch

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.bench.instruments import memory
from influence_bench.bench.instruments.stopwatch import clock, cpu_time, measuring, phase
from influence_bench.bench.run import cost as costs
from influence_bench.bench.run.cost import calibrate, calibration_seconds, measured

MEGABYTE = 10**6


@pytest.fixture
def known_cost(monkeypatch, own_methods):
    """A method that sleeps in each phase and takes 300 MB; it notes by its own clock how long each phase lasted."""
    lasted = {}

    @ib.method(family="control", paper="none")
    def known_cost(problem):
        began = time.perf_counter()
        with phase("gradients"):
            time.sleep(0.1)
            inner = time.perf_counter()
            with phase("retrain"):
                time.sleep(0.2)
            lasted["retrain"] = time.perf_counter() - inner
        lasted["gradients"] = time.perf_counter() - began - lasted["retrain"]
        outer = time.perf_counter()
        held = np.ones(300 * MEGABYTE, dtype=np.uint8)
        time.sleep(0.3)
        lasted["score"] = time.perf_counter() - outer
        return np.arange(len(problem.train)) + float(held[0])

    return "known-cost", lasted


def test_300_megabytes_and_the_seconds_of_each_phase_are_reported(known_cost):
    name, lasted = known_cost
    _, cost, _ = measured(name, {}, planted()[0])
    assert cost.peak_bytes == pytest.approx(300 * MEGABYTE, rel=0.1)
    assert cost.phase_peak_bytes["gradients"] < 30 * MEGABYTE
    for phase_name, seconds in lasted.items():
        assert getattr(cost, f"{phase_name}_seconds") == pytest.approx(seconds, rel=0.1)
    assert cost.seconds == pytest.approx(sum(lasted.values()), rel=0.1)
    assert sum(cost.phase_cpu_seconds.values()) == pytest.approx(cost.cpu_seconds)
    assert cost.cpu_seconds < cost.seconds - 0.3
    assert cost.epochs == pytest.approx(cost.cpu_seconds / cost.epoch_seconds)
    assert cost.warmup_seconds >= 0.6


@pytest.mark.parametrize(
    "allocate",
    [lambda n: torch.ones(n, dtype=torch.uint8), lambda n: np.ones(n, dtype=np.uint8), lambda n: b"x" * n],
    ids=["torch", "numpy", "bytes"],
)
def test_peak_memory_sees_every_allocator_and_freed_memory_too(allocate):
    memory.settle()
    before = memory.resident_bytes()
    memory.reset_peak()
    allocate(200 * MEGABYTE)
    assert memory.peak_bytes() - before == pytest.approx(200 * MEGABYTE, rel=0.1)
    memory.settle()
    memory.reset_peak()
    assert memory.peak_bytes() - before < 50 * MEGABYTE


def test_settling_gives_freed_memory_back_so_that_taking_it_again_is_seen():
    before = memory.resident_bytes()
    blocks = [bytearray(50_000) for _ in range(4000)]
    pin = bytearray(50_000)  # at the top of the heap, which the allocator would give back on its own
    del blocks
    memory.settle()
    assert memory.resident_bytes() - before < 50 * MEGABYTE
    assert len(pin) == 50_000


def test_a_phase_outside_a_measurement_costs_nothing_and_an_error_closes_it():
    with phase("gradients"):
        pass
    with pytest.raises(KeyError), measuring() as watch, phase("gradients"):
        raise KeyError
    assert set(watch.seconds) == {"score", "gradients"}
    with phase("retrain"):
        assert watch.now == "score"


def test_cpu_time_counts_all_threads_and_children_that_ended_but_no_waiting():
    block = bytes(range(256)) * 40_000

    def works():
        zlib.compress(block, 9)

    began = cpu_time()
    works()
    alone = cpu_time() - began
    began = cpu_time()
    threads = [Thread(target=works) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cpu_time() - began > 2 * alone
    began = cpu_time()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
    assert cpu_time() - began > 0.3
    began = cpu_time()
    time.sleep(0.2)
    assert cpu_time() - began < 0.1


def test_work_is_priced_by_cpu_time_on_a_processor_and_by_wall_time_elsewhere():
    assert clock(torch.device("cpu")) is clock(None) is cpu_time
    assert clock("cuda") is time.perf_counter
    with measuring() as watch:
        time.sleep(0.2)
    assert watch.priced("cpu") < 0.1
    assert watch.priced("cuda") >= 0.2


@pytest.fixture
def step_takes(monkeypatch):
    """Let every step of a calibration take so many seconds."""

    def takes(seconds):
        readings = (k * seconds for k in range(10**6))
        monkeypatch.setattr(costs, "clock", lambda device: lambda: next(readings))

    return takes


@pytest.mark.parametrize(
    ("step_seconds", "steps"),
    [(0.2, 5), (2**-6, 32), (0.0075, 50), (1e-4, 5)],
    ids=["five steps", "half a second", "five epochs", "too short for a unit"],
)
def test_an_epoch_is_timed_for_half_a_second_or_five_epochs_and_for_five_steps_at_least(
    step_takes, step_seconds, steps
):
    x = torch.zeros(1280, 2)
    problem = ib.Problem(torch.nn.Linear(2, 2), train=(x, torch.arange(1280) % 2))
    step_takes(step_seconds)
    times = calibrate(problem)
    assert times == pytest.approx([step_seconds] * steps)
    assert calibration_seconds(problem, 10 * step_seconds) == pytest.approx((1 + steps) * step_seconds)


def test_the_spread_of_the_calibration_is_recorded(monkeypatch):
    problem, _ = planted()
    steps = iter([[1.0, 2.0, 3.0], [2.0, 2.0, 5.0]])
    monkeypatch.setattr(costs, "calibrate", lambda problem: next(steps))
    cost = measured("random", {}, problem)[1]
    assert cost.epoch_seconds == pytest.approx(2.5 * costs.steps_per_epoch(problem))
    assert cost.epoch_drift == pytest.approx(1 / 2.5)
    assert cost.step_spread == pytest.approx((2.75 - 2) / 2)


def test_an_epoch_is_calibrated_by_training_steps_that_leave_the_model_alone():
    problem, _ = planted()
    before = {name: tensor.clone() for name, tensor in problem.model.state_dict().items()}
    times = calibrate(problem)
    assert len(times) >= 5
    assert min(times) > 0
    assert all(torch.equal(before[name], tensor) for name, tensor in problem.model.state_dict().items())


def test_a_method_is_not_charged_for_the_harness_own_work_on_the_data():
    x, y = torch.randn(25_000, 1_000), torch.arange(25_000) % 2
    problem = ib.Problem(torch.nn.Linear(1_000, 2), train=(x, y))
    assert measured("random", {}, problem)[1].peak_bytes < 0.3 * x.nbytes
    assert measured("loss", {}, problem)[1].peak_bytes < 0.3 * x.nbytes


def test_what_a_method_warns_of_is_kept_as_a_note():
    problem, _ = planted()
    _, _, notes = measured("lissa", {"steps": 1, "damping": 1e-4}, problem)
    assert "relative residual" in notes
    assert measured("loss", {}, problem)[2] == ""


def test_an_epoch_is_calibrated_on_rows_of_all_lengths():
    problem, _ = planted()
    seen = []
    problem.model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0].tolist()))
    calibrate(problem)
    assert set(map(tuple, seen)) > {tuple(problem.train.x[0].tolist())}
