"""Methods that read training dynamics, on dynamics made by hand."""

import numpy as np
import pytest
import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue import contract

# Margins by epoch of five rows: never wrong, forgotten twice, learned late, never learned, undecided.
MARGINS = torch.tensor([[2, 1, 3, 1], [1, -1, 1, -3], [-2, -1, 1, 2], [-4, -1, -1, -2], [0, 0, 0, 0]]).T
PROBABILITIES = torch.tensor(
    [[0.9, 0.8, 1.0, 0.9], [0.7, 0.3, 0.7, 0.1], [0.2, 0.4, 0.6, 0.8], [0.1, 0.2, 0.2, 0.1], [0.5, 0.5, 0.5, 0.5]]
).T
DYNAMICS = ib.Dynamics(MARGINS + 10, torch.full((4, 5), 10), PROBABILITIES.log())


def problem(**more):
    return ib.Problem(nn.Linear(2, 2), train=(torch.zeros(5, 2), torch.zeros(5).long()), **more)


def test_aum_is_minus_the_mean_margin():
    np.testing.assert_allclose(ib.score("aum", problem(dynamics=DYNAMICS)), [-1.75, 0.5, 0, 2, 0])


def test_forgetting_counts_events_and_what_is_never_learned_as_the_number_of_epochs():
    np.testing.assert_allclose(ib.score("forgetting", problem(dynamics=DYNAMICS)), [0, 2, 0, 4, 4])


def test_cartography_is_one_minus_the_confidence_or_the_variability():
    given = problem(dynamics=DYNAMICS)
    np.testing.assert_allclose(ib.score("cartography", given), [0.1, 0.55, 0.5, 0.85, 0.5], rtol=1e-6)
    variability = [np.sqrt(0.005), np.sqrt(0.0675), np.sqrt(0.05), 0.05, 0]
    np.testing.assert_allclose(ib.score("cartography", given, score="variability"), variability, atol=1e-7)


@pytest.mark.parametrize("name", ["aum", "forgetting", "cartography"])
def test_without_dynamics_they_say_where_to_get_them(name):
    with pytest.raises(ib.InputError, match=r"needs training dynamics: .* give dynamics= to Problem"):
        ib.score(name, problem())


def test_the_margins_of_the_planted_problem_separate_its_flips():
    given, is_noisy = contract.planted()
    assert given.dynamics.probability.shape == (10, len(given.train))
    assert ib.evaluate(ib.score("aum", given), is_noisy)["roc_auc"] > 0.9
