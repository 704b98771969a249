"""Data valuation against its definitions: all subsets enumerated, all orders, all refits."""

from dataclasses import replace
from itertools import permutations
from math import comb

import numpy as np
import pytest
import torch
from scipy.special import beta as beta_function
from sklearn.ensemble import RandomForestClassifier
from torch import nn

import influence_bench as ib
from influence_bench.bench.models.architecture import Architecture, Recipe
from influence_bench.bench.training.loop import train, trainer
from influence_bench.methods.valuation.shapley import marginal_contributions
from influence_bench.methods.valuation.least_squares import Game

ROUGH = Architecture("rough", lambda shape, classes: nn.Linear(shape[0], classes), Recipe(3, 4, "adam", 0.3))
VALUES = ["leave-one-out", "tmc-shapley", "beta-shapley", "banzhaf", "knn-shapley"]


def problem(n=7, m=9, seed=0, **more):
    """A linear model, whose last layer's inputs are the rows themselves."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n + m, 2)), rng.integers(0, 3, n + m)
    x += 2 * np.array([[0, 1], [1, -0.5], [-1, -0.5]])[y]
    rows, labels = torch.tensor(x), torch.tensor(y)
    return ib.Problem(nn.Linear(2, 3).double(), (rows[:n], labels[:n]), (rows[n:], labels[n:]), **more)


def utility(given, rows, kind="squared-error"):
    """Of some rows, written out: ridge regression as least squares with three more equations."""
    x, vx = given.train.x.numpy(), given.valid.x.numpy()
    mean, deviation = x.mean(0), x.std(0)
    x, vx = (np.hstack([(part - mean) / deviation, np.ones((len(part), 1))]) for part in (x, vx))
    y, vy = np.eye(3)[given.train.y], np.eye(3)[given.valid.y]
    rows = list(rows)
    weight = np.linalg.lstsq(np.vstack([x[rows], np.eye(3)]), np.vstack([y[rows], np.zeros((3, 3))]))[0]
    if kind == "squared-error":
        return -((vx @ weight - vy) ** 2).sum(1).mean()
    outputs = vx @ weight
    best = outputs > outputs.max(1, keepdims=True) - 1e-12  # classes that no row has share what is left
    return (best * vy).sum(1).dot(1 / best.sum(1)) / len(vy)


@pytest.mark.parametrize("kind", ["squared-error", "accuracy"])
def test_leave_one_out_by_retraining_compares_with_the_models_trained_on_all(kind):
    given = problem(n=9, m=12, seed=3)
    given = replace(given, train=replace(given.train, x=given.train.x.float()), model=nn.Linear(2, 3))
    given = replace(given, valid=replace(given.valid, x=given.valid.x.float()), trainer=trainer(ROUGH, 3), seed=5)
    order = given.sampling_order()

    def worth(rows):
        total = 0.0
        for seed in (5, 6):
            model = train(ROUGH, given.train[rows], 3, seed).model
            p = model(given.valid.x).detach().softmax(1).double()
            right = p.argmax(1) == given.valid.y
            gap = -(p - torch.eye(3)[given.valid.y]).square().sum(1)
            total += float((right.double() if kind == "accuracy" else gap).mean()) / 2
        return total

    expected = [worth(order[order != row]) - worth(order) for row in range(9)]
    assert max(map(abs, expected)) > 0.01
    np.testing.assert_allclose(ib.score("leave-one-out", given, utility=kind, retrain=2), expected, atol=1e-6)


def test_leave_one_out_refuses_what_would_train_for_days():
    with pytest.raises(ib.InputError, match="retrain=251 of 7 rows takes 2,008 trainings") as refused:
        ib.score("leave-one-out", problem(), retrain=251)
    assert "retrain=0" in str(refused.value)


def semivalues(n, worth, weight):
    """Σ_S weight(|S|) (U(S + i) - U(S)) over all subsets S without i."""
    table = [worth([row for row in range(n) if subset >> row & 1]) for subset in range(2**n)]
    values = np.zeros(n)
    for row in range(n):
        for subset in range(2**n):
            if not subset >> row & 1:
                values[row] += weight(subset.bit_count()) * (table[subset | 1 << row] - table[subset])
    return values


def shapley_weight(n):
    return lambda size: 1 / (n * comb(n - 1, size))


def beta_weight(n, alpha, beta):
    return lambda size: beta_function(size + beta, n - size - 1 + alpha) / beta_function(alpha, beta)


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


@pytest.mark.parametrize("kind", ["squared-error", "accuracy"])
def test_random_subsets_come_near_the_enumerated_banzhaf_values(kind):
    given, n = problem(), 7
    scores = ib.score("banzhaf", given, evaluations=20_000, utility=kind)
    expected = -semivalues(n, lambda rows: utility(given, rows, kind), lambda size: 1 / 2 ** (n - 1))
    np.testing.assert_allclose(scores, expected, atol=0.01)


@pytest.mark.parametrize("kind", ["squared-error", "accuracy"])
def test_leave_one_out_is_a_refit_without_each_row(kind):
    given, n = problem(30), 30
    refits = [utility(given, set(range(n)) - {row}, kind) - utility(given, range(n), kind) for row in range(n)]
    np.testing.assert_allclose(ib.score("leave-one-out", given, utility=kind), refits, atol=1e-12)


def test_truncation_leaves_out_what_comes_after_the_utility_is_near_that_of_all_rows():
    given, n = problem(), 7
    game, order = Game.of(given, "squared-error"), [3, 0, 5, 1, 6, 2, 4]
    along = [utility(given, order[:size]) for size in range(n + 1)]
    near = 0.1 * abs(along[-1] - along[0])
    reached = next(size for size in range(n + 1) if abs(along[size] - along[-1]) < near)
    added = marginal_contributions(game, torch.tensor([order]), near)[0, order]
    assert 0 < reached < n
    np.testing.assert_allclose(added[:reached], np.diff(along)[:reached], atol=1e-12)
    assert not added[reached:].any()


def test_the_memory_budget_changes_no_value():
    given = problem(20, memory_budget=2**13)
    for name in ("leave-one-out", "tmc-shapley", "knn-shapley"):
        np.testing.assert_allclose(ib.score(name, given), ib.score(name, problem(20)), atol=1e-12, err_msg=name)


def neighbours_utility(given, k):
    """Mean over validation rows of the share of k that the nearest of some rows give to its label."""
    distance = np.linalg.norm(given.valid.x.numpy()[:, None] - given.train.x.numpy(), axis=2)
    match = given.valid.y.numpy()[:, None] == given.train.y.numpy()

    def worth(rows):
        nearest = [sorted(rows, key=lambda row: distance[one, row])[:k] for one in range(len(distance))]
        return np.mean([sum(match[one, row] for row in some) / k for one, some in enumerate(nearest)])

    return worth


@pytest.mark.parametrize("k", [1, 3, 5, 9])
def test_knn_shapley_is_the_enumerated_shapley_value_of_the_neighbours_utility(k):
    given, n = problem(8, 4), 8
    expected = semivalues(n, neighbours_utility(given, k), shapley_weight(n))
    np.testing.assert_allclose(ib.score("knn-shapley", given, k=k), -expected, atol=1e-12)


PYDVL = {  # KNNShapleyValuation of pyDVL 0.10.0 on these twelve rows and four validation rows
    3: "-0.026298701299 0.08382034632 0.015367965368 0.041666666667 0.044237012987 0.027867965368 0.018939393939"
    " 0.00257034632 0.090367965368 0.010903679654 0.029356060606 0.077867965368",
    5: "-0.001298701299 0.062987012987 0.007034632035 0.041666666667 0.044237012987 0.007034632035 0.018939393939"
    " 0.00257034632 0.057034632035 0.023403679654 0.029356060606 0.057034632035",
}


@pytest.mark.parametrize("k", PYDVL)
def test_knn_shapley_equals_pydvls(k):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 2)).round(2), rng.integers(0, 3, 12)
    valid_x, valid_y = rng.normal(size=(4, 2)).round(2), rng.integers(0, 3, 4)
    given = ib.Problem(nn.Linear(2, 3).double(), (x, y), (valid_x, valid_y))
    np.testing.assert_allclose(-ib.score("knn-shapley", given, k=k), np.array(PYDVL[k].split(), float), atol=1e-11)


def test_data_oob_is_scikit_learns_out_of_bag_estimate():
    given = problem(80)
    order = given.sampling_order()
    x, y = given.train.x[order].numpy(), given.train.y[order].numpy()
    forest = RandomForestClassifier(100, oob_score=True, random_state=0).fit(x, y)  # grown out: its trees vote
    right = forest.oob_decision_function_[np.arange(80), np.searchsorted(forest.classes_, y)]
    np.testing.assert_allclose(ib.score("data-oob", given)[order], 1 - right, atol=1e-12)


def test_data_oob_with_too_few_trees_asks_for_more():
    with pytest.raises(ib.InputError, match="rows are in the sample of every tree: raise trees=2"):
        ib.score("data-oob", problem(50), trees=2)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("tmc-shapley", r"adding 10,001 rows .* takes 100,010 utility evaluations, above the budget of 100,000"),
        ("beta-shapley", r"adding 10,001 rows .* takes 100,010 utility evaluations, above the budget of 100,000"),
        ("banzhaf", r"10,001 rows takes 10,001 utility evaluations, above the budget of 3,000: raise evaluations"),
    ],
)
def test_more_rows_than_the_budget_allows_are_refused_before_any_fit(row, message):
    with pytest.raises(ib.InputError, match=message):
        ib.score(row, problem(10_001))


@pytest.mark.parametrize("name", VALUES)
def test_without_validation_rows_there_is_one_clear_line(name):
    given = problem()
    empty = ib.Problem(given.model, given.train, (given.valid.x[:0], given.valid.y[:0]))
    with pytest.raises(ib.InputError, match="needs validation rows with trusted labels: give valid="):
        ib.score(name, empty)


@pytest.mark.parametrize("name", ["leave-one-out", "knn-shapley"])
def test_equal_rows_have_equal_values(name):
    given = problem(20)
    rows = torch.tensor([*range(20), 4, 4, 4, 11])
    y = given.train.y[rows]
    y[[20, 22]] = (y[4] + 1) % 3  # the same row under two labels, in turns
    scores = ib.score(name, ib.Problem(given.model, (given.train.x[rows], y), given.valid))
    np.testing.assert_allclose(scores[[21, 22, 23]], scores[[4, 20, 11]], atol=1e-14)
    assert scores[4] != scores[20]


@pytest.mark.parametrize("name", ["tmc-shapley", "beta-shapley", "banzhaf", "data-oob"])
def test_the_seed_decides_what_is_random(name):
    first, again, other = (ib.score(name, problem(30, **seed)) for seed in ({}, {}, {}))
    assert np.array_equal(first, again)
    given = problem(30)
    other = ib.score(name, ib.Problem(given.model, given.train, given.valid, seed=1))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", [*VALUES, "data-oob"])
def test_one_class_only_or_a_class_of_one_row_gives_finite_values(name):
    given = problem(30)
    for y in (torch.zeros(30).long(), torch.eye(30).long()[7]):
        one_sided = ib.Problem(given.model, (given.train.x, y), given.valid)
        assert np.isfinite(ib.score(name, one_sided)).all()


def test_features_that_do_not_vary_count_for_nothing():
    given = problem(20)
    x, valid_x = (torch.cat([part.x, torch.full((len(part), 1), 0.1)], 1) for part in (given.train, given.valid))
    wider = ib.Problem(nn.Linear(3, 3).double(), (x, given.train.y), (valid_x, given.valid.y))
    np.testing.assert_allclose(ib.score("leave-one-out", wider), ib.score("leave-one-out", given), atol=1e-12)
