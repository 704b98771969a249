"""How many labels are wrong: near the truth where planted errors are like the real ones, never above what is there."""

import numpy as np
import pytest

from influence_bench.bench.audit.count import Sample, wrong


def alike(scores):
    """Rows that all have the same pair of labels."""
    return Sample(scores, np.zeros(len(scores), dtype=int))


def simulated(share, n=4000, separation=3.0, seed=0, draws=5):
    """Scores of rows of which a share is wrong, and of planted rows, as normal variables that lie apart."""
    rng = np.random.default_rng(seed)
    is_wrong = rng.random(n) < share
    blank = alike(rng.normal(separation * is_wrong))
    return blank, [alike(rng.normal(separation, size=n // 10)) for _ in range(draws)], is_wrong


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_the_number_of_wrong_labels_is_near_the_truth(share):
    blank, planted, is_wrong = simulated(share)
    number, _ = wrong(blank, planted, len(blank.scores), seed=0)
    assert number.value == pytest.approx(is_wrong.sum(), rel=0.35)
    assert number.low <= number.value <= number.high


def test_the_interval_holds_the_truth_in_most_simulations():
    held = []
    for seed in range(40):
        blank, planted, is_wrong = simulated(0.1, n=1000, separation=4.0, seed=seed)
        number, _ = wrong(blank, planted, len(blank.scores), seed)
        held.append(number.low <= is_wrong.sum() <= number.high)
    assert np.mean(held) >= 0.85


def test_few_labels_are_counted_where_none_is_wrong():
    blank, planted, _ = simulated(0.0)
    number, _ = wrong(blank, planted, len(blank.scores), seed=0)
    assert number.value < 0.01 * len(blank.scores)


def test_the_precision_of_the_first_rows_is_near_the_truth_and_never_rises():
    blank, planted, is_wrong = simulated(0.05)
    _, depths = wrong(blank, planted, len(blank.scores), seed=0)
    order = np.argsort(-blank.scores)
    assert [depth.rows for depth in depths] == [40, 80, 200, 400]
    for depth in depths:
        assert depth.precision.value == pytest.approx(is_wrong[order[: depth.rows]].mean(), abs=0.15)
    values = [depth.precision.value for depth in depths]
    assert values == sorted(values, reverse=True)


def test_scores_that_find_nothing_leave_the_number_open():
    rng = np.random.default_rng(0)
    number, _ = wrong(alike(rng.random(2000)), [alike(rng.random(200)) for _ in range(5)], 2000, seed=0)
    assert number.value > 1500


def test_errors_of_a_kind_that_is_hard_to_see_are_counted_apart_from_those_that_are_easy():
    rng = np.random.default_rng(0)
    hard, easy = (Sample(rng.normal(mean, size=200), np.full(200, pair)) for pair, mean in enumerate((3.0, 8.0)))
    planted = Sample(*map(np.concatenate, zip(hard, easy, strict=True)))
    is_wrong = rng.random(4000) < 0.2  # all of the kind that is hard to see
    blank = Sample(rng.normal(3.0 * is_wrong), np.zeros(4000, dtype=int))
    number, depths = wrong(blank, [planted] * 3, 4000, seed=0)
    assert number.value == pytest.approx(is_wrong.sum(), rel=0.15)
    assert depths[0].precision.value > 0.9
    together, _ = wrong(alike(blank.scores), [alike(planted.scores)] * 3, 4000, seed=0)
    assert together.value < 0.1 * is_wrong.sum()


def test_kinds_that_are_seldom_planted_are_counted_together():
    rng = np.random.default_rng(0)
    is_wrong = rng.random(2000) < 0.1
    blank = Sample(rng.normal(4.0 * is_wrong), rng.integers(100, size=2000))
    planted = [Sample(rng.normal(4.0, size=200), rng.integers(100, size=200)) for _ in range(5)]
    number, _ = wrong(blank, planted, 2000, seed=0)
    assert number.value == pytest.approx(is_wrong.sum(), rel=0.25)
