"""The vote of neighbours, against the vote written out row by row."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import influence_bench as ib


def vote(x, y, k):
    """The shares of another label, row by row; rows that tie for the last of the k places share what is left."""
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    shares = []
    for row in range(len(x)):
        similarity = np.delete((x @ x[row]).round(12), row)
        other = np.delete(y != y[row], row)
        last = np.sort(similarity)[-k]
        nearer, tied = similarity > last, similarity == last
        shares.append((other[nearer].sum() + (k - nearer.sum()) * other[tied].mean()) / k)
    return np.array(shares)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_knn_vote_is_the_share_of_neighbours_with_another_label(k):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), rng.integers(0, 3, 50)
    problem = ib.Problem(nn.Linear(3, 3).double(), (x, y))
    np.testing.assert_allclose(ib.score("knn-vote", problem, k=k), vote(x, y, k), atol=1e-12)
    little = replace(problem, memory_budget=2**13)  # a few rows of the similarities at a time
    np.testing.assert_allclose(ib.score("knn-vote", little, k=k), vote(x, y, k), atol=1e-12)


def test_rows_that_are_equally_near_share_the_vote_so_that_equal_rows_score_the_same():
    x = np.array([[1, 0]] * 4 + [[0, 1]] * 3, dtype=float)
    y = np.array([0, 0, 0, 1, 1, 1, 0])
    scores = ib.score("knn-vote", ib.Problem(nn.Linear(2, 2).double(), (x, y)), k=2)
    np.testing.assert_allclose(scores, [1 / 3, 1 / 3, 1 / 3, 1, 1 / 2, 1 / 2, 1])


def test_knn_vote_needs_more_rows_than_neighbours():
    problem = ib.Problem(nn.Linear(2, 2), (torch.randn(10, 2), torch.arange(10) % 2))
    with pytest.raises(ib.InputError, match="k=10 does not fit 10 training rows: it must be from 1 to 9"):
        ib.score("knn-vote", problem)


def test_a_class_of_one_row_and_a_class_without_rows_have_finite_votes():
    y = torch.zeros(60).long()
    y[7] = 1
    problem = ib.Problem(nn.Linear(2, 3), (torch.randn(60, 2, generator=torch.Generator().manual_seed(0)), y))
    scores = ib.score("knn-vote", problem)
    assert np.isfinite(scores).all()
    assert scores.argmax() == 7


class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 3)

    def forward(self, x):
        return self.fc(x[:, None, :].expand(-1, 4, -1)).mean(1)


def test_features_that_are_no_vectors_are_refused():
    with pytest.raises(ib.InputError, match=r"needs last-layer inputs \(n, d\); here they are \(20, 4, 2\)"):
        ib.score("knn-vote", ib.Problem(Sequence(), (torch.ones(20, 2), torch.arange(20) % 3)))
