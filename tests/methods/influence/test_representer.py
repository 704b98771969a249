"""Representer points and the variance of gradients against their definitions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
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
    with pytest.raises(ib.InputError, match="needs validation rows with trusted labels"):
        ib.score("representer", replace(problem, valid=None))


def input_gradients(problem):
    """∂z_y/∂x (checkpoints, n, d), a row at a time, float64."""
    model, every = planted()[0].model.double().eval(), []
    for checkpoint in problem.checkpoints:
        model.load_state_dict(dict(checkpoint.state))
        rows = []
        for x, y in zip(problem.train.x.double(), problem.train.y, strict=True):
            x.requires_grad_()
            rows.append(torch.autograd.grad(model(x[None])[0, y], x)[0])
        every.append(torch.stack(rows))
    return torch.stack(every).numpy()


def test_vog_is_the_deviation_of_the_input_gradients_within_its_class(problem):
    deviation, y = input_gradients(problem).std(0).mean(1), problem.train.y.numpy()
    expected = np.zeros(len(y))
    for label in range(3):
        of_class = deviation[y == label]
        expected[y == label] = (of_class - of_class.mean()) / of_class.std()
    np.testing.assert_allclose(ib.score("vog", problem, distance="signed"), expected, atol=1e-4)
    np.testing.assert_allclose(ib.score("vog", problem), np.abs(expected), atol=1e-4)


def test_vog_of_a_class_of_one_row_is_zero_and_equal_rows_score_the_same(problem):
    rows = torch.tensor([0, 1, 2, 3, 4, 5, 6, 3])
    y = torch.tensor([0, 0, 0, 1, 1, 2, 1, 1])
    scores = ib.score("vog", replace(problem.on(rows), train=(problem.train.x[rows], y)))
    assert scores[5] == 0
    assert scores[3] == pytest.approx(scores[7])


def test_vog_refuses_a_single_checkpoint_and_inputs_without_gradients(problem):
    with pytest.raises(ib.InputError, match="vog needs at least two checkpoints"):
        ib.score("vog", replace(problem, checkpoints=()))
    words = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(12, 2))
    states = [(words.state_dict(), 1.0)] * 2
    with pytest.raises(ib.InputError, match="vog needs floating inputs"):
        ib.score("vog", ib.Problem(words, (torch.ones(4, 3).long(), torch.arange(4) % 2), checkpoints=states))
