"""Representer points against their definition."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.features import features
from influence_bench.methods.influence.representer import alphas, fitted, with_one


@pytest.fixture(scope="module")
def problem():
    return planted()[0]


@pytest.mark.parametrize("l2", [0.003, 0.1])
def test_the_refitted_layer_is_the_sum_over_the_rows_that_the_theorem_says(problem, l2):
    h, label = with_one(features(problem, problem.train)), F.one_hot(problem.train.y).double()
    weight = fitted(h, label, l2)
    alpha = alphas(h, label, weight, l2)
    torch.testing.assert_close(alpha.T @ h, weight, rtol=0, atol=1e-4)
    free = weight.clone().requires_grad_()
    loss = F.cross_entropy(h @ free.T, problem.train.y) + l2 * free.square().sum()
    assert float(torch.autograd.grad(loss, free)[0].abs().max()) < 1e-6


def test_a_row_adds_its_alpha_times_the_kernel_to_the_logits_of_the_validation_labels(problem):
    h, valid = (with_one(features(problem, rows)) for rows in (problem.train, problem.valid))
    label = F.one_hot(problem.train.y).double()
    weight = fitted(h, label, 0.003)
    loss_slope = (h @ weight.T).softmax(1) - label
    expected = np.zeros(len(h))
    for t, y in enumerate(problem.valid.y):
        alpha = -loss_slope[:, y] / (2 * 0.003 * len(h))
        expected -= (alpha * (h @ valid[t])).numpy() / len(valid)
    np.testing.assert_allclose(ib.score("representer", problem), expected, rtol=1e-9)
    logits = (valid @ weight.T)[torch.arange(len(valid)), problem.valid.y]
    np.testing.assert_allclose(-expected.sum(), logits.mean(), rtol=1e-4)


def test_two_classes_are_fitted_like_any_number():
    x, y = torch.randn(60, 3, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 2
    x[:, 0] += 2 * y
    h, label = with_one(x), F.one_hot(y).double()
    weight = fitted(h, label, 0.01)
    torch.testing.assert_close(alphas(h, label, weight, 0.01).T @ h, weight, rtol=0, atol=1e-5)


def test_representer_refuses_no_l2_and_no_validation_rows(problem):
    with pytest.raises(ib.InputError, match=r"l2=0.0 does not fit: it must be above 0"):
        ib.score("representer", problem, l2=0.0)
    with pytest.raises(ib.InputError, match="needs validation rows"):
        ib.score("representer", replace(problem, valid=None))
