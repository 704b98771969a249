"""PyOD's detectors on per-sample gradients."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import CLOSED, problem_of
from sklearn.neighbors import NearestNeighbors

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.gradients.space import gradient_space
from influence_bench.methods.gradients.stream import Gradients
from influence_bench.methods.outliers.detectors import COLUMN_BY_COLUMN


@pytest.fixture(scope="module")
def problem():
    return planted()[0]


def matrix(problem, layers="last"):
    return gradient_space(problem, layers).train.matrix().double().numpy()


def pyods(name, rows, **given):
    """The scores of PyOD's detector, fitted to the whole matrix."""
    models = pytest.importorskip(f"pyod.models.{name}")
    return getattr(models, name.upper())(**given).fit(rows).decision_scores_


@pytest.mark.parametrize("name", sorted(COLUMN_BY_COLUMN))
@pytest.mark.parametrize("kind", ["mlp", "residual"])
def test_column_wise_detectors_in_blocks_equal_pyods_on_the_whole_matrix(name, kind, monkeypatch):
    problem = problem_of(*CLOSED[kind])
    expected = pyods(name, matrix(problem, "all"))
    passes, plain = [], Gradients.coordinates
    monkeypatch.setattr(Gradients, "coordinates", lambda self, index: passes.append(index) or plain(self, index))
    np.testing.assert_allclose(ib.score("outlier-gradient", problem, detector=name, layers="all"), expected)
    assert len(passes) == 1
    tight = replace(problem, memory_budget=gradient_space(problem, "all").plan.bytes_per_row * 4)
    np.testing.assert_allclose(ib.score("outlier-gradient", tight, detector=name, layers="all"), expected)
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


def test_ecod_equals_its_definition():
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


def test_an_unknown_detector_is_refused_with_the_known_ones(problem):
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


def test_a_failing_detector_and_a_matrix_above_the_memory_budget_are_refused_in_one_line(problem):
    pytest.importorskip("pyod")
    few = ib.Problem(problem.model, problem.train[:3])
    with pytest.raises(ib.InputError, match="PyOD's detector knn fails on these gradients: Expected n_neighbors"):
        ib.score("outlier-gradient", few, detector="knn")
    tight = ib.Problem(problem.model, problem.train, memory_budget=20_000)
    with pytest.raises(ib.InputError, match=r"the gradients \(n, p\) would take .* above the memory budget"):
        ib.score("outlier-gradient", tight, detector="knn")
