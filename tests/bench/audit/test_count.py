"""How many labels are wrong: near the truth where planted errors are like the real ones, never above what is there."""

import numpy as np
import pytest

from influence_bench.bench.audit.count import wrong


def simulated(share, n=4000, separation=3.0, seed=0, draws=5):
    """Scores of rows of which a share is wrong, and of planted rows, as normal variables that lie apart."""
    rng = np.random.default_rng(seed)
    is_wrong = rng.random(n) < share
    return rng.normal(separation * is_wrong), [rng.normal(separation, size=n // 10) for _ in range(draws)], is_wrong


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_the_number_of_wrong_labels_is_near_the_truth(share):
    blank, planted, is_wrong = simulated(share)
    number, _ = wrong(blank, planted, len(blank), seed=0)
    assert number.value == pytest.approx(is_wrong.sum(), rel=0.35)
    assert number.low <= number.value <= number.high


def test_the_interval_holds_the_truth_in_most_simulations():
    held = []
    for seed in range(40):
        blank, planted, is_wrong = simulated(0.1, n=1000, separation=4.0, seed=seed)
        number, _ = wrong(blank, planted, len(blank), seed)
        held.append(number.low <= is_wrong.sum() <= number.high)
    assert np.mean(held) >= 0.85


def test_few_labels_are_counted_where_none_is_wrong():
    blank, planted, _ = simulated(0.0)
    number, _ = wrong(blank, planted, len(blank), seed=0)
    assert number.value < 0.01 * len(blank)


def test_the_precision_of_the_first_rows_is_near_the_truth_and_never_rises():
    blank, planted, is_wrong = simulated(0.05)
    _, depths = wrong(blank, planted, len(blank), seed=0)
    order = np.argsort(-blank)
    assert [depth.rows for depth in depths] == [40, 80, 200, 400]
    for depth in depths:
        assert depth.precision.value == pytest.approx(is_wrong[order[: depth.rows]].mean(), abs=0.15)
    values = [depth.precision.value for depth in depths]
    assert values == sorted(values, reverse=True)


def test_scores_that_find_nothing_leave_the_number_open():
    rng = np.random.default_rng(0)
    number, _ = wrong(rng.random(2000), [rng.random(200) for _ in range(5)], 2000, seed=0)
    assert number.value > 1500
