"""Training: deterministic under its seed, with the schedule and the dynamics of its recipe."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_trainings import RECIPES, ROWS, N, X, convolutional, linear, network, normalised, same
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.models.architecture import Recipe
from influence_bench.bench.training.loop import Watch, batch_sizes, train


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.optimizer)
def test_the_same_seed_gives_the_same_bits_whatever_was_random_before(recipe):
    first = train(network(recipe), ROWS, 3, seed=0)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    assert same(first, train(network(recipe), ROWS, 3, seed=0))
    assert torch.equal(before, torch.get_rng_state())
    assert not same(first, train(network(recipe), ROWS, 3, seed=1))


def test_dynamics_are_those_of_the_passes_that_train(tmp_path):
    class States(Watch):
        states = ()

        def begin(self, training):
            self.epoch(training)

        def epoch(self, training):
            self.states += ({name: t.clone() for name, t in training.model.state_dict().items()},)

    watch = States()
    recipe = Recipe(3, N, "adam", 0.01)  # one batch an epoch: each is seen by the model that the last has left
    dynamics = train(network(recipe, linear), ROWS, 3, 0, watch).dynamics
    model, every = linear(X.shape[1:], 3), torch.arange(N)
    for epoch, state in enumerate(watch.states[:3]):
        model.load_state_dict(state)
        logits = model(X)
        torch.testing.assert_close(dynamics.given_logit[epoch], logits[every, ROWS.y])
        others = torch.stack([torch.cat((row[:y], row[y + 1 :])).max() for row, y in zip(logits, ROWS.y, strict=True)])
        torch.testing.assert_close(dynamics.other_logit[epoch], others)
        torch.testing.assert_close(dynamics.log_probability[epoch], -F.cross_entropy(logits, ROWS.y, reduction="none"))


@given(n=st.integers(1, 5000), size=st.integers(1, 300))
def test_no_batch_of_an_epoch_is_short(n, size):
    sizes = batch_sizes(n, size)
    assert sum(sizes) == n
    assert max(sizes) - min(sizes) <= 1
    assert abs(len(sizes) - n / size) <= 0.5 or len(sizes) == 1


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
