"""Planted labels: as many as said, drawn as the data confuse, and found by the way of ranking that finds them best."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influence_bench.bench.audit.planting import FLOOR, SHARE, Draw, confusions, plant, ranked


@given(st.integers(2, 6), st.integers(0, 99))
def test_a_planted_label_is_another_label_and_as_many_are_planted_as_said(classes, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=40)
    confused = confusions(rng.dirichlet(np.ones(classes), 40), y)
    changed, is_planted = plant(y, confused, rng)
    assert is_planted.sum() == round(SHARE * 40)
    assert (changed != y).sum() == is_planted.sum()
    assert changed.min() >= 0
    assert changed.max() < classes


def test_planted_errors_are_of_the_kinds_that_the_data_seem_to_have():
    likely = [0] * 10 + [0] * 10 + [1] * 10  # by the model; ten rows of class 0 seem to have got label 1
    y = np.repeat([0, 1, 1], 10)
    confused = confusions(np.eye(3)[likely] * 0.8 + 0.1, y)
    assert confused.diagonal() == pytest.approx(0)
    assert confused.sum(1) == pytest.approx(1)
    assert confused[0] == pytest.approx([0, 1 - FLOOR / 2, FLOOR / 2])
    assert confused[1] == pytest.approx([0.5, 0, 0.5])  # no row of it seems to have another label, so any may be
    assert confused[2] == pytest.approx([0.5, 0.5, 0])


def test_planted_labels_follow_the_confusions():
    y, confused = np.zeros(20_000, dtype=np.int64), np.array([[0, 0.75, 0.25], [0.5, 0, 0.5], [1, 0, 0]])
    changed, is_planted = plant(y, confused, np.random.default_rng(0))
    assert (changed[is_planted] == 1).mean() == pytest.approx(0.75, abs=0.03)


def test_the_way_that_finds_planted_labels_best_comes_first():
    is_planted = np.arange(10) < 2
    scores = {("a", "worse"): -np.arange(10.0) % 4, ("b", "better"): -np.arange(10.0)}
    order = ranked([Draw(np.zeros(10, dtype=int), is_planted, scores, dict.fromkeys(scores, 1.0))] * 2)
    assert [key for key, _ in order] == [("b", "better"), ("a", "worse")]
    assert order[0][1].auc == [1.0, 1.0]
    assert order[0][1].precision == [1.0, 1.0]
