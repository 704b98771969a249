"""Detection metrics against their definitions."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score

import influence_bench as ib


@st.composite
def scored(draw):
    """Scores with ties, and a truth with some wrong and some right labels."""
    n = draw(st.integers(2, 40))
    scores = draw(arrays(np.int64, n, elements=st.integers(-3, 3))).astype(float)
    wrong = draw(st.integers(1, n - 1))
    truth = np.zeros(n, bool)
    truth[draw(st.permutations(range(n)))[:wrong]] = True
    return scores, truth


@given(scored())
def test_roc_auc_is_the_chance_that_a_wrong_label_ranks_above_a_right_one(case):
    scores, truth = case
    above = scores[truth][:, None] - scores[~truth][None]
    assert ib.evaluate(scores, truth)["roc_auc"] == pytest.approx(((above > 0) + (above == 0) / 2).mean())


@given(scored(), st.randoms(use_true_random=False))
def test_metrics_do_not_depend_on_the_order_of_rows_or_on_a_monotone_change(case, random):
    scores, truth = case
    order = list(range(len(scores)))
    random.shuffle(order)
    once, again = ib.evaluate(scores, truth), ib.evaluate(np.exp(scores[order]), truth[order])
    assert once == pytest.approx(again)


@given(scored())
def test_recall_at_every_row_is_one_and_turning_scores_round_turns_the_roc_auc(case):
    scores, truth = case
    assert ib.evaluate(scores, truth, k=len(scores))["recall_at_k"] == pytest.approx(1)
    assert ib.evaluate(-scores, truth)["roc_auc"] == pytest.approx(1 - ib.evaluate(scores, truth)["roc_auc"])


def test_a_constant_score_is_worth_chance_in_every_metric():
    truth = np.arange(100) < 20
    harmonic = (1 / np.arange(1, 101)).mean()  # the first place counts alone, so that chance is above the share
    assert ib.evaluate(np.zeros(100), truth) == pytest.approx(
        {
            "roc_auc": 0.5,
            "average_precision": 19 / 99 + (1 - 19 / 99) * harmonic,
            "precision_at_k": 0.2,
            "recall_at_k": 0.2,
            "ndr_at_10": 0.1,
            "ndr_at_30": 0.3,
        }
    )


@given(
    arrays(np.int64, 5, elements=st.integers(0, 2)),
    st.lists(st.booleans(), min_size=5, max_size=5).filter(lambda truth: 0 < sum(truth) < 5),
)
def test_average_precision_is_its_mean_over_all_orders_of_tied_rows(scores, truth):
    sought = np.array(truth)
    orders = [np.array(order) for order in permutations(range(5)) if (np.diff(scores[list(order)]) <= 0).all()]
    precisions = [np.cumsum(sought[order]) / np.arange(1, 6) for order in orders]
    by_hand = [precision[sought[order]].mean() for order, precision in zip(orders, precisions, strict=True)]
    assert ib.evaluate(scores, sought)["average_precision"] == pytest.approx(np.mean(by_hand))


@given(st.permutations(range(30)), st.integers(1, 29))
def test_average_precision_without_ties_is_scikit_learns(scores, wrong):
    truth = np.arange(30) < wrong
    metrics = ib.evaluate(scores, truth)
    assert metrics["average_precision"] == pytest.approx(average_precision_score(truth, scores))


def test_metrics_of_a_worked_example():
    metrics = ib.evaluate([9, 8, 7, 6, 5, 4, 3, 2, 1, 0], [1, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    assert metrics["roc_auc"] == pytest.approx(15 / 16)
    assert metrics["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert metrics["precision_at_k"] == metrics["recall_at_k"] == 0.5
    assert metrics["ndr_at_10"] == 0.5
    assert metrics["ndr_at_30"] == 1


@pytest.mark.parametrize(
    ("scores", "truth", "k", "message"),
    [
        ([1, 2], [True, True], None, "2 of 2 rows are sought"),
        ([1, 2], [False, False], None, "0 of 2 rows are sought"),
        ([1, 2, 3], [True, False], None, "one number per row"),
        ([1, 2], [True, False], 3, "k=3 is out of range"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(scores, truth, k, message):
    with pytest.raises(ib.InputError, match=message):
        ib.evaluate(scores, truth, k)
