"""The claims about trees and detectors follow the run."""

import pytest
from made_up_runs import run_of_rows

from influence_bench.reports.claims.paper import trees
from influence_bench.reports.claims.paper.rows import OUTLIER


@pytest.mark.parametrize(
    ("many", "sentence"), [(0.7, "Stands"), (0.8, "more trees find more."), (0.6, "more trees find less.")]
)
def test_trees_are_judged_by_the_most_against_the_fewest(many, sentence):
    rows = {f"outlier-gradient[trees={number}]": 0.7 for number in trees.TREES if number != 100}
    rows |= {"outlier-gradient": 0.7, "outlier-gradient[trees=200]": many}
    assert sentence in trees.the_number_of_trees_matters_little(run_of_rows(rows)).verdict


@pytest.mark.parametrize(("other", "sentence"), [(0.8, "Does not stand: sever"), (0.6, "Stands: outlier-gradient")])
def test_other_detectors_are_judged_against_the_papers_three(other, sentence):
    rows = dict.fromkeys(OUTLIER, 0.7) | {"sever": other, "random": 0.9, "outlier-gradient[trees=200]": 0.99}
    finding = trees.three_detectors_are_enough(run_of_rows(rows))
    assert finding.verdict.startswith(sentence)
    assert "trees=200" not in finding.ours
