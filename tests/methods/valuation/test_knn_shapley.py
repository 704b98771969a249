"""KNN-Shapley against all subsets and against pyDVL's."""

import numpy as np
import pytest
from games import problem, semivalues, shapley_weight
from torch import nn

import influence_bench as ib


def neighbours_utility(given, k):
    """The utility of some rows: over validation rows, the mean share of the k nearest that have the right label."""
    distance = np.linalg.norm(given.valid.x.numpy()[:, None] - given.train.x.numpy(), axis=2)
    match = given.valid.y.numpy()[:, None] == given.train.y.numpy()

    def worth(rows):
        nearest = [sorted(rows, key=distances.__getitem__)[:k] for distances in distance]
        return np.mean([matches[some].sum() / k for matches, some in zip(match, nearest, strict=True)])

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
