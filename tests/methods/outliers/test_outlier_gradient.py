"""Outlier gradients over the checkpoints of a training."""

import copy

import numpy as np
import pytest

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.ranking import mean_rank, ranks


@pytest.fixture(scope="module")
def problem():
    return planted()[0]


@pytest.mark.parametrize("detector", ["iforest", "l1", "l2"])
def test_over_all_checkpoints_the_score_is_the_mean_rank(detector, problem):
    single = []
    for checkpoint in problem.checkpoints:
        model = copy.deepcopy(problem.model)
        model.load_state_dict(checkpoint.state)
        single.append(ib.score("outlier-gradient", ib.Problem(model, problem.train), detector=detector))
    scores = ib.score("outlier-gradient", problem, detector=detector, checkpoints="all")
    assert scores.min() > 0
    assert scores.max() <= 1
    assert np.corrcoef(scores, mean_rank(single))[0, 1] > 0.99
    if detector != "iforest":  # the forests of the checkpoints draw other coordinates
        np.testing.assert_allclose(scores, mean_rank(single))


def test_with_a_single_checkpoint_the_mean_rank_is_its_rank(problem):
    alone = problem.only(frozenset())
    scores = ib.score("outlier-gradient", alone, checkpoints="all")
    np.testing.assert_allclose(scores, ranks([ib.score("outlier-gradient", alone)])[0] / 300)
