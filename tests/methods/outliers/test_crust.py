"""CRUST compared with its dense definition in float64, and with apricot."""

import numpy as np
import pytest

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.outliers.crust import facility_location


@pytest.fixture(scope="module")
def problem():
    return planted()[0]


def naive_medoids(distances, count):
    """Greedy facility location that computes every gain each time."""
    similarity, chosen = distances.max() - distances, []
    for _ in range(count):
        value = [-1 if j in chosen else similarity[[*chosen, j]].max(0).sum() for j in range(len(similarity))]
        chosen.append(int(np.argmax(value)))
    return chosen


@pytest.mark.parametrize("seed", range(5))
def test_lazy_facility_location_chooses_a_best_row_each_time(seed):
    x = np.random.default_rng(seed).normal(size=(40, 3))
    distances = np.linalg.norm(x[:, None] - x[None], axis=2)
    lazy = facility_location(distances, 12)
    for count, row in enumerate(lazy):  # of rows with the same gain, any may be next
        left = [distances[[*lazy[:count], j]].min(0).sum() for j in range(40)]
        assert left[row] == pytest.approx(min(left), rel=1e-9)
    assert len(set(lazy)) == 12


def test_facility_location_is_apricots():
    apricot = pytest.importorskip("apricot")
    x = np.random.default_rng(0).normal(size=(40, 3))
    distances = np.linalg.norm(x[:, None] - x[None], axis=2)
    theirs = apricot.FacilityLocationSelection(12, metric="precomputed").fit(distances.max() - distances)
    assert facility_location(distances, 12) == list(theirs.ranking)


def test_crust_is_the_mean_distance_to_the_medoids_weighted_by_their_rows(problem):
    g = problem.probabilities().numpy()
    y = problem.train.y.numpy()
    g[np.arange(300), y] -= 1
    expected = np.zeros(300)
    for label in range(3):
        rows = np.flatnonzero(y == label)
        distances = np.linalg.norm(g[rows][:, None] - g[rows][None], axis=2)
        medoids = naive_medoids(distances, len(rows) // 20)
        nearest = distances[:, medoids].argmin(1)
        expected[rows] = [np.mean([d[medoids[j]] for j in nearest]) for d in distances]
    np.testing.assert_allclose(ib.score("crust", problem, share=0.05), expected, rtol=1e-6)


def test_crust_refuses_a_class_whose_distances_do_not_fit_the_memory_budget(problem):
    tight = ib.Problem(problem.model, problem.train, memory_budget=100_000)
    with pytest.raises(ib.InputError, match="the distances between all samples of a class would take"):
        ib.score("crust", tight)


def test_a_share_out_of_range_is_refused(problem):
    with pytest.raises(ib.InputError, match=r"share=0.0 does not fit: it must lie above 0"):
        ib.score("crust", problem, share=0.0)
