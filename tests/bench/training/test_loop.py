"""Training: deterministic under its seed, the same bits after any interruption, observed as it goes."""

import io
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import nn
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench import progress
from influence_bench.bench.models.architecture import Architecture, Recipe, find_model
from influence_bench.bench.training import resume as unfinished
from influence_bench.bench.training.loop import Watch, train
from influence_bench.bench.training.resume import Unfinished

N, EPOCHS = 41, 4
X = torch.randn(N, 2, 6, 6, generator=torch.Generator().manual_seed(1))
ROWS = ib.Examples(X, torch.arange(N) % 3)
RECIPES = [
    Recipe(EPOCHS, 8, "adam", 0.01, schedule="one-cycle", checkpoints=2),
    Recipe(EPOCHS, 8, "adamw", 0.01, 0.1, schedule="linear", checkpoints=2),
    Recipe(EPOCHS, 8, "sgd", 0.05, 1e-3, schedule="drop", augment=True, checkpoints=2),
    Recipe(EPOCHS, 8, "nesterov", 0.05, augment=True, checkpoints=2),
]


def convolutional(shape, classes):
    """With all that a training's state consists of: buffers, dropout, a frozen parameter."""
    model = nn.Sequential(
        nn.Conv2d(shape[0], 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, classes)
    )
    model[0].bias.requires_grad_(False)
    return model


def linear(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape.numel(), classes))


def normalised(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(shape.numel()), nn.Linear(shape.numel(), classes))


def network(recipe, build=convolutional, **more):
    return Architecture("network", build, recipe, **more)


def same(one, other):
    """Whether two trainings ended in the same bits: model, checkpoints, dynamics."""
    states = [[t.model.state_dict(), *(c.state for c in t.checkpoints), t.dynamics.figures] for t in (one, other)]
    rates = [[c.learning_rate for c in t.checkpoints] for t in (one, other)]
    pairs = zip(*states, strict=True)
    return rates[0] == rates[1] and all(torch.equal(a[name], b[name]) for a, b in pairs for name in a | b)


class Interrupted(Exception):
    pass


class InterruptedAfter(Unfinished):
    """Stores every epoch, and is interrupted in the middle of one."""

    def __init__(self, file, steps):
        super().__init__(file, lambda _: None)
        self.pause, self.left = 0.0, steps

    def step(self):
        self.left -= 1
        if self.left < 0:
            raise Interrupted


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.optimizer)
def test_the_same_seed_gives_the_same_bits_whatever_was_random_before(recipe):
    first = train(network(recipe), ROWS, 3, seed=0)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    assert same(first, train(network(recipe), ROWS, 3, seed=0))
    assert torch.equal(before, torch.get_rng_state())
    assert not same(first, train(network(recipe), ROWS, 3, seed=1))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.optimizer)
def test_an_interrupted_training_ends_in_the_bits_of_an_uninterrupted_one(recipe, tmp_path):
    file, whole = tmp_path / "training", train(network(recipe), ROWS, 3, seed=0)
    for steps in (3, 5, 7):  # an epoch has five: before the first state, at its end, after the second
        with pytest.raises(Interrupted):
            train(network(recipe), ROWS, 3, 0, InterruptedAfter(file, steps))
    assert same(whole, train(network(recipe), ROWS, 3, 0, Unfinished(file, lambda _: None)))
    assert [entry.name for entry in tmp_path.iterdir()] == ["training"]


def test_a_damaged_state_is_as_good_as_none(tmp_path):
    file = tmp_path / "training"
    with pytest.raises(Interrupted):
        train(network(RECIPES[0]), ROWS, 3, 0, InterruptedAfter(file, 7))
    file.write_bytes(file.read_bytes()[:-100])
    again = train(network(RECIPES[0]), ROWS, 3, 0, Unfinished(file, lambda _: None))
    assert same(train(network(RECIPES[0]), ROWS, 3, seed=0), again)


def test_a_state_is_stored_now_and_then_and_takes_a_small_share_of_the_time(monkeypatch, tmp_path):
    now, stored = 0.0, []

    def store(training, file):
        nonlocal now
        now += 2.0
        stored.append(training.epoch)

    class Clock(Unfinished):
        def epoch(self, training):
            nonlocal now
            now += 3.0
            super().epoch(training)

    monkeypatch.setattr(unfinished, "monotonic", lambda: now)
    monkeypatch.setattr(unfinished, "store", store)
    train(network(replace(RECIPES[0], epochs=32)), ROWS, 3, 0, Clock(tmp_path / "training", lambda _: None))
    assert stored == [2, 16, 30]  # five seconds after the start, then each 40: a twentieth of the time


def test_dynamics_are_those_of_the_passes_that_train(tmp_path):
    class States(Watch):
        states = ()

        def begin(self, training):
            self.epoch(training)

        def epoch(self, training):
            self.states += ({name: t.clone() for name, t in training.model.state_dict().items()},)

    watch = States()
    recipe = Recipe(3, N, "adam", 0.01)  # one batch an epoch: each is seen by the model that the last has left
    found = train(network(recipe, linear), ROWS, 3, 0, watch).dynamics
    model, every = linear(X.shape[1:], 3), torch.arange(N)
    for epoch, state in enumerate(watch.states[:3]):
        model.load_state_dict(state)
        logits = model(X)
        torch.testing.assert_close(found.given_logit[epoch], logits[every, ROWS.y])
        others = torch.stack([torch.cat((row[:y], row[y + 1 :])).max() for row, y in zip(logits, ROWS.y, strict=True)])
        torch.testing.assert_close(found.other_logit[epoch], others)
        torch.testing.assert_close(found.log_probability[epoch], -F.cross_entropy(logits, ROWS.y, reduction="none"))


@pytest.mark.parametrize("batch_size", [8, 40, 41, 64])
def test_every_row_is_seen_in_every_epoch(batch_size):
    recipe = Recipe(2, batch_size, "adam", 0.01, schedule="one-cycle")  # 41 rows: a single one would be left over
    dynamics = train(network(recipe, normalised), ROWS, 3, seed=0).dynamics
    assert dynamics.log_probability.shape == (2, N)
    assert (dynamics.log_probability < 0).all()


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.5] * 5),
        ("linear", [0.5, 0.4, 0.3, 0.2, 0.1]),
        ("drop", [0.5, 0.5, 0.5, 0.05, 0.05]),
    ],
)
def test_the_learning_rate_follows_its_schedule(schedule, expected):
    recipe = Recipe(5, N, "sgd", 0.5, schedule=schedule, checkpoints=5)
    rates = [checkpoint.learning_rate for checkpoint in train(network(recipe), ROWS, 3, seed=0).checkpoints]
    assert rates == pytest.approx(expected)


def test_frozen_parameters_stay_and_take_no_place_in_the_optimizer():
    class Groups(Watch):
        def begin(self, training):
            self.trained = training.optimizer.param_groups[0]["params"]

    watch = Groups()
    torch.manual_seed(0)
    fresh = convolutional(X.shape[1:], 3)
    trained = train(network(Recipe(1, N, "adamw", 0.1, 0.5)), ROWS, 3, 0, watch).model
    assert len(watch.trained) == len(list(trained.parameters())) - 1
    assert torch.equal(fresh[0].bias, trained[0].bias)
    assert not torch.equal(fresh[0].weight, trained[0].weight)


def test_a_loss_of_its_own_has_no_dynamics():
    def squared(outputs, y):
        return (outputs[:, 0] - y) ** 2

    trained = train(network(Recipe(60, N, "adam", 0.05), linear, loss=squared), ROWS, 1, seed=0)
    assert trained.dynamics is None
    assert squared(trained.model(X), ROWS.y).mean() < 0.1


def test_a_training_that_diverges_ends_in_one_line():
    with pytest.raises(ib.InputError, match="the training of network diverges in epoch 3: "):
        train(network(Recipe(3, N, "sgd", 1e38), linear), ROWS, 3, seed=0)


SCRIPT = """
import os, sys, time
import influence_bench as ib
from influence_bench.bench.unfinished import Unfinished, store

def epoch(self, training):
    store(training, self.file)
    time.sleep(600 * (training.epoch == int(sys.argv[1])))

Unfinished.epoch = epoch
child = os.fork() if sys.argv[2:] == ["twice"] else 0
print(ib.prepare(ib.load("blobs", noise="symmetric", rate=0.2), "mlp").dynamics.margin.sum(), flush=True)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child else 0)
"""


def started(*arguments):
    """A process that prepares a problem: the epoch at which it hangs, and whether it is two processes."""
    return subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments], stdout=subprocess.PIPE, text=True)


def test_a_killed_preparation_goes_on_and_ends_in_the_same_bits(monkeypatch, tmp_path):
    data = ib.load("blobs", noise="symmetric", rate=0.2)
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path / "whole"))
    whole = ib.prepare(data, "mlp")
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path / "killed"))
    process, waited = started("9"), 0.0
    while epochs_done(tmp_path / "killed") != 9 and waited < 60:
        time.sleep(0.05)
        waited += 0.05
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    begun = []
    begin = Unfinished.begin
    monkeypatch.setattr(
        Unfinished, "begin", lambda self, training: (begin(self, training), begun.append(training.epoch))
    )
    again = ib.prepare(data, "mlp")
    assert begun == [9]
    assert [entry.name for entry in (tmp_path / "killed").iterdir()] == [
        entry.name for entry in (tmp_path / "whole").iterdir()
    ]
    for name, tensor in whole.state.items():
        assert torch.equal(tensor, again.state[name])
    assert torch.equal(whole.dynamics.log_probability, again.dynamics.log_probability)


def epochs_done(cache: Path) -> int:
    for file in cache.glob(".training-*.safetensors"):
        content = file.read_bytes()
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return json.loads(header["__metadata__"]["rest"])["epoch"]
    return 0


def test_two_processes_prepare_the_same_problem_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path))
    process = started("-1", "twice")
    first, second = process.communicate()[0].split()
    assert process.returncode == 0
    assert first == second
    assert [entry.name.startswith(".") for entry in tmp_path.iterdir()] == [False]


@pytest.mark.parametrize(("name", "parameters"), [("resnet-18", 11_173_962), ("resnet-34", 21_282_122)])
def test_residual_networks_for_cifar_have_the_parameters_of_their_paper(name, parameters):
    architecture = find_model(name)
    with torch.device("meta"):
        model = architecture.build(torch.Size((3, 32, 32)), 10)
        assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_resnet_34_has_the_recipe_of_outlier_gradient_analysis():
    expected = Recipe(100, 128, "sgd", 0.1, 5e-4, "drop", augment=True)
    assert find_model("resnet-34").recipe == expected


@pytest.mark.parametrize(
    ("terminal", "seconds", "drawn"), [(True, 0.0, True), (True, 60.0, False), (False, 0.0, False)]
)
def test_training_draws_a_bar_on_a_terminal_if_it_takes_long(monkeypatch, tmp_path, terminal, seconds, drawn):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path))
    seen = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda stderr: Console(file=seen, force_terminal=terminal, width=100))
    monkeypatch.setattr(progress, "BAR_SECONDS", seconds)
    data = ib.load("blobs")
    ib.prepare(data, "logistic")
    steps = 50 * -(-len(data.train) // 64)
    assert (f"{steps}/{steps}" in seen.getvalue() and "training logistic" in seen.getvalue()) == drawn
    assert drawn or seen.getvalue() == ""
