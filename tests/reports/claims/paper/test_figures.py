"""Figures as text."""

import pandas as pd
import pytest

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper.figures import auc_list, labelled, percent_list


def test_a_single_seed_has_no_interval():
    assert labelled("loss", (0.5, float("nan"), float("nan")), "{:.1f}".format) == "loss 0.5"


def test_aucs_have_intervals_within_their_range():
    seeds = pd.MultiIndex.from_product([["digits"], range(3)], names=["problem", "seed"])
    table = pd.DataFrame([[0.99, 1.0, 0.8], [0.5, 0.5, 0.5]], ["loss", "random"], seeds)
    assert auc_list(table, ["loss", "random"]) == "loss 0.930 [0.153, 0.999]; random 0.500 [0.500, 0.500]"
    with pytest.raises(Lacking, match=r"^aum$"):
        auc_list(table, ["loss", "aum"])


def test_shares_in_percent_have_intervals_within_their_range():
    seeds = pd.MultiIndex.from_product([["digits"], range(3)], names=["problem", "seed"])
    table = pd.DataFrame([[0.99, 1.0, 0.8]], ["loss"], seeds)
    assert percent_list(table, ["loss"]) == "loss 93.0 % [15.3 %, 99.9 %]"
