"""Leave-one-out against refits and new trainings without each row."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from games import problem, utility
from torch import nn

import influence_bench as ib
from influence_bench.bench.models.architecture import Architecture, Recipe
from influence_bench.bench.training.loop import train, trainer

ROUGH = Architecture("rough", lambda shape, classes: nn.Linear(shape[0], classes), Recipe(3, 4, "adam", 0.3))


@pytest.mark.parametrize("kind", ["squared-error", "accuracy"])
def test_leave_one_out_is_a_refit_without_each_row(kind):
    given, n = problem(30), 30
    refits = [utility(given, set(range(n)) - {row}, kind) - utility(given, range(n), kind) for row in range(n)]
    np.testing.assert_allclose(ib.score("leave-one-out", given, utility=kind), refits, atol=1e-12)


@pytest.mark.parametrize("kind", ["squared-error", "accuracy"])
def test_leave_one_out_by_retraining_compares_with_the_models_trained_on_all(kind):
    given = problem(n=9, m=12, seed=3)
    given = replace(given, train=replace(given.train, x=given.train.x.float()), model=nn.Linear(2, 3))
    given = replace(given, valid=replace(given.valid, x=given.valid.x.float()), trainer=trainer(ROUGH, 3), seed=5)
    order = given.sampling_order()

    def worth(rows, seeds):
        total = 0.0
        for seed in seeds:
            model = train(ROUGH, given.train[rows], 3, seed).model
            p = model(given.valid.x).detach().softmax(1).double()
            right = p.argmax(1) == given.valid.y
            gap = -(p - torch.eye(3)[given.valid.y]).square().sum(1)
            total += float((right.double() if kind == "accuracy" else gap).mean()) / 2
        return total

    halves = []
    for first, seeds in ((0, (5, 6)), (2, (7, 8))):
        halves += [[worth(order[order != row], seeds) - worth(order, seeds) for row in range(9)]]
        scores = ib.score("leave-one-out", given, utility=kind, retrain=2, first=first)
        np.testing.assert_allclose(scores, halves[-1], atol=1e-6)
    assert np.abs(halves).max() > 0.01
    assert halves[0] != halves[1]


def test_leave_one_out_refuses_what_would_train_for_days():
    with pytest.raises(ib.InputError, match="retrain=251 of 7 rows takes 2,008 trainings") as refused:
        ib.score("leave-one-out", problem(), retrain=251)
    assert "retrain=0" in str(refused.value)


def test_features_that_do_not_vary_count_for_nothing():
    given = problem(20)
    x, valid_x = (torch.cat([part.x, torch.full((len(part), 1), 0.1)], 1) for part in (given.train, given.valid))
    wider = ib.Problem(nn.Linear(3, 3).double(), (x, given.train.y), (valid_x, given.valid.y))
    np.testing.assert_allclose(ib.score("leave-one-out", wider), ib.score("leave-one-out", given), atol=1e-12)
