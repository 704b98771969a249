"""Figures as text, and verdicts by intervals."""

import pandas as pd
import pytest

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper.figures import auc_list, labelled, signed, verdict


@pytest.mark.parametrize(
    ("difference", "sentence"),
    [
        ((0.2, 0.1, 0.3), "yes"),
        ((-0.2, -0.3, -0.1), "no"),
        ((0.0, -0.1, 0.1), "Cannot be distinguished from chance here."),
        ((0.2, float("nan"), float("nan")), "Cannot be distinguished from chance here."),
    ],
)
def test_a_verdict_needs_an_interval_that_excludes_zero(difference, sentence):
    assert verdict(difference, "yes", "no") == sentence


def test_a_single_seed_has_no_interval():
    assert labelled("loss", (0.5, float("nan"), float("nan")), "{:.1f}".format) == "loss 0.5"


def test_a_difference_has_its_sign():
    assert signed((0.05, -0.01, 0.11)) == "+0.050 [-0.010, +0.110]"


def test_aucs_have_intervals_within_their_range():
    seeds = pd.MultiIndex.from_product([["digits"], range(3)], names=["problem", "seed"])
    table = pd.DataFrame([[0.99, 1.0, 0.8], [0.5, 0.5, 0.5]], ["loss", "random"], seeds)
    assert auc_list(table, ["loss", "random"]) == "loss 0.930 [0.650, 1.000]; random 0.500 [0.500, 0.500]"
    with pytest.raises(Lacking, match=r"^aum$"):
        auc_list(table, ["loss", "aum"])
