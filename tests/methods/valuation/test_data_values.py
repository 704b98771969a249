"""What all data values have in common: budgets, seeds, ties and odd classes."""

import numpy as np
import pytest
import torch
from games import problem

import influence_bench as ib

VALUES = ["leave-one-out", "tmc-shapley", "beta-shapley", "banzhaf", "knn-shapley"]


def test_the_memory_budget_changes_no_value():
    given = problem(20, memory_budget=2**13)
    for name in ("leave-one-out", "tmc-shapley", "knn-shapley"):
        np.testing.assert_allclose(ib.score(name, given), ib.score(name, problem(20)), atol=1e-12, err_msg=name)


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
    with pytest.raises(ib.InputError, match="needs validation rows: give trusted valid="):
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
    given = problem(30)
    first, again = ib.score(name, given), ib.score(name, given)
    assert np.array_equal(first, again)
    other = ib.score(name, ib.Problem(given.model, given.train, given.valid, seed=1))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", [*VALUES, "data-oob"])
def test_one_class_only_or_a_class_of_one_row_gives_finite_values(name):
    given = problem(30)
    for y in (torch.zeros(30).long(), torch.eye(30).long()[7]):
        one_sided = ib.Problem(given.model, (given.train.x, y), given.valid)
        assert np.isfinite(ib.score(name, one_sided)).all()
