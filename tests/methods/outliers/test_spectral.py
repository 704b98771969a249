"""Sever and spectral signatures compared with dense float64 definitions, and with scikit-learn's PCA."""

import numpy as np
import pytest
import torch
from networks import CLOSED, problem_of
from sklearn.decomposition import PCA
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.gradients.space import gradient_space
from influence_bench.methods.gradients.stream import Gradients


@pytest.fixture(scope="module")
def problem():
    return planted()[0]


def along_top(rows):
    """((row - mean)·v)² from the full singular value decomposition, float64."""
    centred = rows - rows.mean(0)
    return (centred @ np.linalg.svd(centred, full_matrices=False)[2][0]) ** 2


def gradient_matrix(problem, layers):
    return gradient_space(problem, layers).train.matrix().double().numpy()


@pytest.mark.parametrize("layers", ["last", "all"])
def test_sever_in_one_round_is_the_square_along_the_top_singular_vector(problem, layers):
    expected = along_top(gradient_matrix(problem, layers))
    scores = ib.score("sever", problem, rounds=1, layers=layers)
    np.testing.assert_allclose(scores, expected / expected.max(), atol=2e-3)


@pytest.mark.parametrize("kind", ["residual", "many positions, narrow"])
def test_sever_on_other_networks_is_the_square_along_the_top_singular_vector(kind):
    problem = problem_of(*CLOSED[kind])
    expected = along_top(gradient_matrix(problem, "all"))
    scores = ib.score("sever", problem, rounds=1, layers="all")
    np.testing.assert_allclose(scores, expected / expected.max(), atol=2e-3)


def test_sever_is_scikit_learns_first_principal_component(problem):
    first = PCA(1).fit_transform(gradient_matrix(problem, "last"))[:, 0] ** 2
    np.testing.assert_allclose(ib.score("sever", problem, rounds=1), first / first.max(), atol=2e-3)


def test_sever_by_rounds_leaves_out_the_largest_and_ranks_them_above(problem):
    rows, expected, left = gradient_matrix(problem, "last"), np.zeros(300), np.arange(300)
    for further in (2, 1, 0):
        outlying = along_top(rows[left])
        expected[left] = further + outlying / outlying.max()
        left = left[outlying.argsort()[: round(0.9 * len(left))]]
    scores = ib.score("sever", problem, rounds=3, share=0.1)
    assert np.corrcoef(scores, expected)[0, 1] > 0.999
    assert (scores > 1).sum() == 300 - 243
    assert (np.floor(scores - 1e-9) != np.floor(expected - 1e-9)).mean() < 0.02


def test_sever_never_forms_a_matrix_of_gradients(problem, monkeypatch):
    monkeypatch.setattr(Gradients, "matrix", lambda self: 1 / 0)
    monkeypatch.setattr(Gradients, "flat", lambda self: 1 / 0)
    ib.score("sever", problem, layers="all")


def test_spectral_signatures_are_the_squares_along_the_top_singular_vector_of_each_class(problem):
    with torch.no_grad():
        h = problem.model.double().eval()[:-1](problem.train.x.double()).numpy()
    problem.model.float()
    expected, y = np.zeros(300), problem.train.y.numpy()
    for label in range(3):
        expected[y == label] = along_top(h[y == label])
    np.testing.assert_allclose(ib.score("spectral-signatures", problem), expected, rtol=1e-4, atol=1e-6)
    first = PCA(1).fit_transform(h[y == 0])[:, 0] ** 2
    np.testing.assert_allclose(ib.score("spectral-signatures", problem)[y == 0], first, rtol=1e-4, atol=1e-6)


def test_the_features_of_a_linear_model_are_its_inputs():
    x, y = torch.randn(30, 4), torch.arange(30) % 3
    linear = ib.score("spectral-signatures", ib.Problem(nn.Linear(4, 3), train=(x, y)))
    np.testing.assert_allclose(linear[::3], along_top(x[::3].double().numpy()), rtol=1e-6)
    squashed = nn.Sequential(nn.Linear(4, 3), nn.Tanh())
    np.testing.assert_allclose(ib.score("spectral-signatures", ib.Problem(squashed, train=(x, y))), linear)


@pytest.mark.parametrize("row", ["sever[rounds=0]", "sever[share=1]"])
def test_hyperparameters_out_of_range_are_refused(problem, row):
    with pytest.raises(ib.InputError, match="between 0 and 1"):
        ib.score([row], problem)
