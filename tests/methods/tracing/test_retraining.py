"""Methods that train the problem's model anew, and what the problem does for them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.bench.instruments.stopwatch import measuring
from influence_bench.bench.models.architecture import Architecture, Recipe
from influence_bench.bench.training.loop import trainer


@pytest.fixture
def problem():
    return planted()[0]


def early(problem, number, share=0.1):
    return problem.retrained(problem.sampling_order(), problem.seed + number, share).model


def test_el2n_over_initialisations_is_the_mean_of_the_error_norms_of_new_models(problem):
    expected = []
    for number in (1, 2, 3):
        with torch.no_grad():
            p = early(problem, number)(problem.train.x).double().softmax(1)
        expected.append((p - nn.functional.one_hot(problem.train.y, 3)).norm(dim=1).numpy())
    scores = ib.score("el2n-retrained", problem, initialisations=3)
    np.testing.assert_allclose(scores, np.mean(expected, 0), atol=1e-12)


def test_grand_over_initialisations_is_the_mean_of_the_gradient_norms_of_new_models(problem):
    problem = problem.on(slice(40))
    expected = np.zeros(40)
    for number in (1, 2):
        model = early(problem, number, share=0.5).double()
        for row in range(40):
            loss = nn.functional.cross_entropy(model(problem.train.x[row : row + 1].double()), problem.train.y[[row]])
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            expected[row] += sum(float(gradient.square().sum()) for gradient in gradients) ** 0.5 / 2
    scores = ib.score("grand-retrained", problem, initialisations=2, share=0.5)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


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


def test_training_anew_is_charged_to_its_own_phase(problem):
    with measuring() as watch:
        ib.score("el2n-retrained", problem, initialisations=2)
    assert watch.seconds["retrain"] > watch.seconds["gradients"] > 0


@pytest.mark.parametrize("name", ["el2n-retrained", "grand-retrained"])
@pytest.mark.parametrize("given", [{"initialisations": 0}, {"share": 0.0}, {"share": 1.5}])
def test_numbers_out_of_range_are_refused(problem, name, given):
    with pytest.raises(ib.InputError, match="do not fit: at least 1, and a share of 1"):
        ib.score(name, problem, **given)


def test_without_a_trainer_they_say_where_to_get_one(problem):
    with pytest.raises(ib.InputError, match="take the problem from prepare, or give trainer= to Problem"):
        ib.score("el2n-retrained", replace(problem, trainer=None))
