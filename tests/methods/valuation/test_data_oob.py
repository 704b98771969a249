"""Data-OOB against scikit-learn's out-of-bag estimate."""

import numpy as np
import pytest
from games import problem
from sklearn.ensemble import RandomForestClassifier

import influence_bench as ib


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
