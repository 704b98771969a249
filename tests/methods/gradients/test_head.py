"""The last layer as a model on features, which one forward pass collects."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import CLASSES, FALLBACKS, mlp, problem_of
from reductions import check_every_reduction
from torch import nn

import influence_bench as ib
from influence_bench.methods.features import features
from influence_bench.methods.gradients.space import gradient_space


@pytest.fixture
def ending_in_its_last_layer():
    """A problem with two linear layers, the second of which computes the outputs."""
    problem = problem_of(mlp, (4,))
    return ib.Problem(problem.model[:-1], problem.train, problem.valid, batch_size=5)


def test_the_last_layer_costs_one_forward_pass_for_any_number_of_reductions(ending_in_its_last_layer):
    batches = []
    ending_in_its_last_layer.model[0].register_forward_hook(lambda *_: batches.append(1))
    space = gradient_space(ending_in_its_last_layer, "last")
    assert len(batches) == 2 + 5  # one row to find the last layer, one to see that it stands alone, five batches
    direction = space.valid.mean()
    assert len(batches) == 2 + 5 + 2  # two batches of validation rows
    space.train.squared_l2(), space.train.l1(), space.train.inner(direction)
    assert len(batches) == 2 + 5 + 2


def test_features_above_half_the_memory_budget_are_not_kept(ending_in_its_last_layer):
    tight = replace(ending_in_its_last_layer, memory_budget=2 * 30 * 6 * 8 - 1)  # 30 rows of 6 features in float64
    assert gradient_space(tight, "last").problem.model is tight.model
    assert gradient_space(ending_in_its_last_layer, "last").problem.model is tight.model[3]


@pytest.mark.filterwarnings("error::influence_bench.FunctionalFallback")
def test_a_last_layer_whose_weight_is_used_elsewhere_too_counts_every_use():
    class TiedHead(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix, self.fc = nn.Linear(CLASSES, CLASSES), nn.Linear(CLASSES, CLASSES)
            self.mix.weight = self.fc.weight

        def forward(self, x):
            return self.fc(torch.tanh(self.mix(x)))

    check_every_reduction(problem_of(TiedHead, (CLASSES,)), "last", rtol=1e-9)


def test_a_last_layer_that_is_called_twice_counts_both_calls():
    class Repeated(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(CLASSES, CLASSES)

        def forward(self, x):
            return self.fc(torch.tanh(self.fc(x)))

    problem = problem_of(Repeated, (CLASSES,))
    check_every_reduction(problem, "last", rtol=1e-9)
    with torch.no_grad():
        torch.testing.assert_close(features(problem, problem.train), torch.tanh(problem.model.fc(problem.train.x)))


@pytest.mark.filterwarnings("ignore::influence_bench.FunctionalFallback")
@pytest.mark.parametrize("kind", FALLBACKS)
def test_features_are_the_same_beside_gradients_that_call_the_layer_again(kind):
    problem = problem_of(*FALLBACKS[kind][:2])
    together = ib.score(["spectral-signatures", "grand[layers=all]", "outlier-gradient[detector=l2]"], problem)
    np.testing.assert_array_equal(together["spectral-signatures"], ib.score("spectral-signatures", problem))
    alone = ib.score("outlier-gradient", problem, detector="l2")
    np.testing.assert_allclose(together["outlier-gradient[detector=l2]"], alone, rtol=1e-9)
