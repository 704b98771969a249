"""Shapley and Beta Shapley values against all subsets and all orders."""

from itertools import permutations

import numpy as np
import pytest
import torch
from games import beta_weight, problem, semivalues, shapley_weight, utility

import influence_bench as ib
from influence_bench.methods.valuation.least_squares import Game
from influence_bench.methods.valuation.shapley import marginal_contributions


@pytest.mark.parametrize("kind", ["squared-error", "accuracy"])
def test_the_mean_over_all_orders_is_the_shapley_value(kind):
    given, n = problem(6), 6
    orders = torch.tensor(list(permutations(range(n))))
    values = marginal_contributions(Game.of(given, kind), orders).mean(0)
    expected = semivalues(n, lambda rows: utility(given, rows, kind), shapley_weight(n))
    np.testing.assert_allclose(values, expected, atol=1e-12)


def test_random_orders_come_near_the_enumerated_shapley_values():
    given, n = problem(), 7
    scores = ib.score("tmc-shapley", given, evaluations=n * 4000, tolerance=0)
    expected = -semivalues(n, lambda rows: utility(given, rows), shapley_weight(n))
    np.testing.assert_allclose(scores, expected, atol=0.05 * np.abs(expected).max())
    np.testing.assert_allclose(scores.sum(), utility(given, []) - utility(given, range(n)), atol=1e-12)


@pytest.mark.parametrize(("alpha", "beta"), [(16.0, 1.0), (4.0, 1.0), (1.0, 4.0)])
def test_random_orders_come_near_the_enumerated_beta_shapley_values(alpha, beta):
    given, n = problem(), 7
    scores = ib.score("beta-shapley", given, evaluations=n * 4000, alpha=alpha, beta=beta)
    expected = -semivalues(n, lambda rows: utility(given, rows), beta_weight(n, alpha, beta))
    np.testing.assert_allclose(scores, expected, atol=0.1 * np.abs(expected).max())


def test_beta_shapley_of_one_and_one_is_the_shapley_value():
    given = problem()
    shapley = ib.score("tmc-shapley", given, tolerance=0)
    np.testing.assert_allclose(ib.score("beta-shapley", given, alpha=1.0, beta=1.0), shapley, atol=1e-12)


def test_an_order_is_truncated_where_its_utility_is_near_that_of_all_rows():
    given, n = problem(), 7
    game, order = Game.of(given, "squared-error"), [3, 0, 5, 1, 6, 2, 4]
    along = [utility(given, order[:size]) for size in range(n + 1)]
    near = 0.1 * abs(along[-1] - along[0])
    reached = next(size for size in range(n + 1) if abs(along[size] - along[-1]) < near)
    added = marginal_contributions(game, torch.tensor([order]), near)[0, order]
    assert 0 < reached < n
    np.testing.assert_allclose(added[:reached], np.diff(along)[:reached], atol=1e-12)
    assert not added[reached:].any()
