"""The variance of gradients against its definition."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted


@pytest.fixture(scope="module")
def problem():
    return planted()[0]


def input_gradients(problem):
    """∂z_y/∂x (checkpoints, n, d), row by row, float64."""
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
        members = deviation[y == label]
        expected[y == label] = (members - members.mean()) / members.std()
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
    with pytest.raises(ib.InputError, match="vog needs floating-point inputs"):
        ib.score("vog", ib.Problem(words, (torch.ones(4, 3).long(), torch.arange(4) % 2), checkpoints=states))
