"""`Problem.retrained`: a new model, trained as the problem's own was."""

from dataclasses import replace

import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.bench.instruments.stopwatch import measuring
from influence_bench.bench.models.architecture import Architecture, Recipe
from influence_bench.bench.training.loop import trainer


def test_a_share_of_a_training_is_its_first_epochs_under_the_whole_schedule():
    shown = []

    class Watched(nn.Linear):
        def forward(self, x):
            shown.append(len(x))
            return super().forward(x)

    recipe = Recipe(10, 8, "sgd", 0.1, schedule="linear")
    architecture = Architecture("watched", lambda shape, classes: Watched(shape[0], classes), recipe)
    rows = ib.Problem(nn.Linear(2, 2), (torch.randn(8, 2), torch.arange(8) % 2)).train
    epochs = {}
    for share in (0.01, 0.3, 1.0):
        shown.clear()
        trainer(architecture, 2)(rows, 0, share)
        epochs[share] = len(shown)
    assert epochs == {0.01: 1, 0.3: 3, 1.0: 10}


def test_a_prepared_problem_trains_its_model_anew_bit_by_bit(tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path))
    problem = ib.prepare(ib.load("blobs", noise="symmetric", rate=0.1, seed=3), model="logistic", seed=3)
    again = problem.retrained(slice(None), 3)
    for name, tensor in problem.state.items():
        assert torch.equal(tensor, again.state[name])
    assert torch.equal(again.dynamics.given_logit, problem.dynamics.given_logit)
    assert len(again.checkpoints) == 1
    other = problem.retrained(slice(0, 50), 4)
    assert len(other.train) == 50
    assert not all(torch.equal(tensor, other.state[name]) for name, tensor in problem.state.items())


def test_a_trainer_of_ones_own_is_seeded_and_leaves_the_global_generator_alone():
    given = (torch.randn(6, 2), torch.arange(6) % 2)
    problem = ib.Problem(nn.Linear(2, 2), given, trainer=lambda rows, seed, share: nn.Linear(2, 2))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (problem.retrained(slice(None), seed).model.weight for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_training_is_charged_to_its_own_phase():
    with measuring() as watch:
        ib.score("el2n-retrained", planted()[0], initialisations=2)
    assert watch.seconds["retrain"] > watch.seconds["gradients"] > 0


def test_a_training_anew_brings_its_dynamics_and_takes_a_label_more():
    problem, _ = planted()
    y = problem.train.y.clone()
    y[:20] = 3
    again = replace(problem, train=type(problem.train)(problem.train.x, y)).retrained(slice(0, 100), seed=1)
    assert again.recorded.margin.shape == (10, 100)
    assert again.outputs().shape == (100, 4)
    assert problem.retrained(slice(0, 100), seed=1).outputs().shape == (100, 3)
