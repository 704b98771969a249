"""PyOD's detectors on gradients, and outlier gradients along the training and by the paper's code."""

import copy
import sys

import numpy as np
import pytest
import torch
from networks import CLOSED, problem_of
from sklearn.neighbors import NearestNeighbors

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.gradients.space import gradient_space
from influence_bench.methods.outliers.detectors import COLUMN_BY_COLUMN
from influence_bench.methods.ranking import mean_rank, ranks


@pytest.fixture(scope="module")
def problem():
    return planted()[0]


def matrix(problem, layers="last"):
    return gradient_space(problem, layers).train.matrix().double().numpy()


def pyods(name, rows, **given):
    """The scores of PyOD's own detector, fitted to the whole matrix."""
    models = pytest.importorskip(f"pyod.models.{name}")
    return getattr(models, name.upper())(**given).fit(rows).decision_scores_


@pytest.mark.parametrize("name", sorted(COLUMN_BY_COLUMN))
@pytest.mark.parametrize("kind", ["mlp", "residual"])
def test_column_wise_detectors_in_blocks_equal_pyods_on_the_whole_matrix(name, kind, monkeypatch):
    problem = problem_of(*CLOSED[kind])
    expected = pyods(name, matrix(problem, "all"))
    passes = []
    plain = ib.methods.gradients.Gradients.coordinates
    monkeypatch.setattr(ib.methods.gradients.Gradients, "coordinates", lambda g, i: passes.append(i) or plain(g, i))
    np.testing.assert_allclose(ib.score("outlier-gradient", problem, detector=name, layers="all"), expected)
    assert len(passes) == 1
    small = gradient_space(problem, "all").plan.bytes_per_row * 4
    object.__setattr__(problem, "memory_budget", small)
    np.testing.assert_allclose(ib.score("outlier-gradient", problem, detector=name, layers="all"), expected)
    assert len(passes) > 2


@pytest.mark.parametrize("name", ["knn", "lof", "ocsvm", "loda"])
def test_other_detectors_equal_pyods_on_the_whole_matrix(name, problem):
    order = problem.sampling_order().numpy()
    expected = np.empty(len(order))
    expected[order] = pyods(name, matrix(problem)[order], **({"random_state": 0} if name == "loda" else {}))
    np.testing.assert_allclose(ib.score("outlier-gradient", problem, detector=name), expected)


def test_knn_is_the_distance_to_the_fifth_neighbour(problem):
    pytest.importorskip("pyod")
    rows = matrix(problem)
    fifth = NearestNeighbors(n_neighbors=6).fit(rows).kneighbors(rows)[0][:, 5]
    np.testing.assert_allclose(ib.score("outlier-gradient", problem, detector="knn"), fifth, atol=1e-6)


def test_ecod_is_its_definition():
    pytest.importorskip("pyod")
    problem, _ = planted()
    rows = matrix(problem)
    left, right = ((rows[:, None] >= rows[None]).mean(1), (rows[:, None] <= rows[None]).mean(1))
    third = ((rows - rows.mean(0)) ** 3).mean(0)
    by_skew = np.where(third > 0, -np.log(right), np.where(third < 0, -np.log(left), -np.log(left) - np.log(right)))
    expected = np.maximum(np.maximum(-np.log(left), -np.log(right)), by_skew).sum(1)
    np.testing.assert_allclose(ib.score("outlier-gradient", problem, detector="ecod"), expected, rtol=1e-6)


def test_random_detectors_are_seeded_and_leave_the_global_generators_alone(problem):
    pytest.importorskip("pyod")
    np.random.seed(5), torch.manual_seed(5)
    first = ib.score("outlier-gradient", problem, detector="loda")
    after = np.random.rand(), torch.rand(1)
    np.random.seed(5), torch.manual_seed(5)
    assert after == (np.random.rand(), torch.rand(1))
    other = ib.Problem(problem.model, problem.train, seed=1)
    assert not np.array_equal(first, ib.score("outlier-gradient", other, detector="loda"))


def test_an_unknown_detector_is_refused_with_those_that_there_are(problem):
    pytest.importorskip("pyod")
    with pytest.raises(ib.InputError, match="no detector 'ecdo': did you mean ecod"):
        ib.score("outlier-gradient", problem, detector="ecdo")
    with pytest.raises(ib.InputError, match=r"known: abod, .*copod, .*iforest, inne, .*knn, .*l1, l2, lmdd, "):
        ib.score("outlier-gradient", problem, detector="zzzzzz")


def test_without_pyod_its_detectors_are_refused_and_the_others_work(problem, monkeypatch):
    for name in ("pyod", "pyod.models", "pyod.models.base"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ib.InputError, match=r"PyOD, .* is not installed: pip install 'influence-bench\[outliers\]'"):
        ib.score("outlier-gradient", problem, detector="ecod")
    assert len(ib.score("outlier-gradient", problem)) == 300


def test_what_a_detector_cannot_do_is_one_line_and_the_matrix_keeps_to_the_memory_budget(problem):
    pytest.importorskip("pyod")
    few = ib.Problem(problem.model, problem.train[:3])
    with pytest.raises(ib.InputError, match="PyOD's detector knn fails on these gradients: Expected n_neighbors"):
        ib.score("outlier-gradient", few, detector="knn")
    tight = ib.Problem(problem.model, problem.train, memory_budget=20_000)
    with pytest.raises(ib.InputError, match=r"the gradients \(n, p\) would take .* above the memory budget"):
        ib.score("outlier-gradient", tight, detector="knn")


@pytest.mark.parametrize("detector", ["iforest", "l1", "l2"])
def test_along_the_training_the_ranks_at_the_checkpoints_are_averaged(detector, problem):
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


def test_of_a_single_checkpoint_the_mean_rank_is_its_rank(problem):
    alone = problem.only(frozenset())
    scores = ib.score("outlier-gradient", alone, checkpoints="all")
    np.testing.assert_allclose(scores, ranks([ib.score("outlier-gradient", alone)])[0] / 300)
