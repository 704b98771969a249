"""The claims about trees and detectors follow the run."""

import numpy as np
import pytest
from judging import noisy, word, words
from made_up_runs import run_of_rows

from influence_bench.reports.claims.judge import FALLS, OPEN, STANDS
from influence_bench.reports.claims.margins import DETECTED
from influence_bench.reports.claims.paper import trees
from influence_bench.reports.claims.paper.rows import OUTLIER


def forests(many):
    rows = {f"outlier-gradient[trees={number}]": 0.7 for number in trees.TREES if number != 100}
    return run_of_rows(rows | {"outlier-gradient": 0.7, "outlier-gradient[trees=200]": many})


def detectors(neighbours):
    rows = dict.fromkeys(OUTLIER, 0.7) | {trees.NEIGHBOURS: neighbours, "sever": 0.9, "random": 0.9}
    return run_of_rows(rows | {"outlier-gradient[trees=200]": 0.99})


@pytest.mark.parametrize(
    ("many", "expected"), [(0.7, STANDS), (0.71, STANDS), (0.69, STANDS), (0.75, FALLS), (0.65, FALLS)]
)
def test_trees_matter_little_where_the_most_and_the_fewest_differ_by_less_than_the_margin(many, expected):
    assert word(trees.the_number_of_trees_matters_little, forests(many)) == expected


@pytest.mark.parametrize(("neighbours", "expected"), [(0.6, STANDS), (0.71, STANDS), (0.8, FALLS)])
def test_three_detectors_are_enough_where_neighbours_find_no_more(neighbours, expected):
    run = detectors(neighbours)
    assert word(trees.three_detectors_are_enough, run) == expected
    assert "trees=200" not in trees.three_detectors_are_enough(run).figures


@pytest.mark.parametrize(
    ("claimed", "run"),
    [
        (trees.the_number_of_trees_matters_little, forests(0.7 + DETECTED)),
        (trees.three_detectors_are_enough, detectors(0.7 + DETECTED)),
    ],
)
def test_a_difference_of_the_margin_is_neither_shown_to_count_nor_not_to(claimed, run):
    rng = np.random.default_rng(0)
    assert words(claimed, [noisy(run, rng) for _ in range(20)]) == {OPEN}
