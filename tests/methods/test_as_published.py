"""Methods as the paper's code runs them, compared with that code's formulas, one sample at a time."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.ensemble import IsolationForest
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.gradients.space import gradient_space


@pytest.fixture(scope="module")
def problem():
    return planted()[0]


def test_outlier_scores_are_scikit_learns_forest_and_norms_of_the_last_weight_alone(problem):
    layer = problem.model[-1]
    weights = gradient_space(problem, "last").train.matrix().numpy()[:, : layer.weight.numel()].astype(np.float32)
    order = problem.sampling_order().numpy()
    expected = np.empty(len(order))
    expected[order] = -IsolationForest(random_state=0).fit(weights[order]).score_samples(weights[order])
    np.testing.assert_allclose(ib.score("outlier-gradient-paper", problem), expected)
    np.testing.assert_allclose(
        ib.score("outlier-gradient-paper", problem, detector="l1"), np.abs(weights).sum(1), rtol=1e-5
    )
    np.testing.assert_allclose(
        ib.score("outlier-gradient-paper", problem, detector="l2"), (weights.astype(float) ** 2).sum(1), rtol=1e-5
    )


def test_outlier_scores_of_a_layer_without_a_bias_are_those_of_our_method():
    model = nn.Linear(4, 3, bias=False)
    problem = ib.Problem(model, train=(torch.randn(20, 4), torch.arange(20) % 3))
    np.testing.assert_allclose(
        ib.score("outlier-gradient-paper", problem, detector="l2"),
        ib.score("outlier-gradient", problem, detector="l2"),
        rtol=1e-6,
    )


def weight_gradients(problem):
    weight = problem.model[-1].weight
    return gradient_space(problem, "last").train.matrix()[:, : weight.numel()].double()


def test_datainf_of_a_sample_with_its_own_curvature_is_the_same_for_every_sample(problem):
    scores = ib.score("datainf-self-paper", problem)
    for g in weight_gradients(problem)[:5]:
        lam = 0.1 * g.square().mean()
        h = (g - (g @ g) / (lam + g @ g) * g) / lam
        assert float(h @ g) == pytest.approx(scores[0], rel=1e-6)
    d = problem.model[-1].weight.numel()
    np.testing.assert_allclose(scores, 10 * d / (10 * d + 1))


def test_lissa_of_a_sample_with_its_own_curvature_ranks_as_the_l2_norm_does(problem):
    scores = ib.score("lissa-self-paper", problem)
    for row, g in enumerate(weight_gradients(problem)[:5]):
        lam, r = 0.1 * g.square().mean(), g
        for _ in range(10):
            r = g + r - (g * (g @ r) - lam * r)
        assert float(r @ g) == pytest.approx(scores[row], rel=1e-5)
    norms = ib.score("outlier-gradient-paper", problem, detector="l2")
    assert spearmanr(scores, norms).statistic > 0.99


def test_a_sample_without_a_gradient_has_no_influence_on_itself():
    model = nn.Linear(2, 2, bias=False)
    problem = ib.Problem(model, train=(torch.tensor([[0.0, 0.0], [1.0, 2.0]]), torch.tensor([0, 1])))
    for name in ("datainf-self-paper", "lissa-self-paper"):
        scores = ib.score(name, problem)
        assert scores[0] == 0 < scores[1]
