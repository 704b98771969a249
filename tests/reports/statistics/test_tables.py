"""Tables of a metric: what a failed cell counts, and how problems and rows are averaged."""

import numpy as np
import pandas as pd
import pytest
from made_up_tables import cells, table

from influence_bench.reports.statistics import tables


def test_every_problem_weighs_the_same() -> None:
    uneven = table([[0.9, 0.5, 0.6]], 1)
    uneven.columns = pd.MultiIndex.from_tuples([("p0", 0), ("p1", 0), ("p1", 1)], names=["problem", "seed"])
    assert tables.overall(uneven)["m0"] == pytest.approx((0.9 + 0.55) / 2)


def test_a_failed_cell_is_the_worst_of_its_problem_and_seed_and_never_better_than_chance() -> None:
    values = tables.values(cells({"a": [np.nan, np.nan], "b": [0.9, 0.4], "c": [0.8, 0.7]}), "roc_auc")
    assert values.loc["a"].tolist() == [0.5, 0.4]
    recall = tables.values(cells({"a": [np.nan], "b": [0.9]}), "recall_at_k")
    assert recall.loc["a"].tolist() == [0.2]


def test_a_value_beside_a_failure_does_not_count() -> None:
    spoilt = cells({"a": [0.99], "b": [0.9]}).assign(status=["timeout", "ok"])
    assert tables.values(spoilt, "roc_auc").loc["a"].tolist() == [0.5]


def test_a_missing_cell_counts_as_a_failed_one() -> None:
    missing = cells({"a": [0.9, 0.9], "b": [0.8]})
    assert tables.values(missing, "roc_auc").loc["b"].tolist() == [0.8, 0.5]
    assert tables.finished(missing)["p"].to_dict() == {"a": True, "b": False}


def test_a_problem_is_finished_if_none_of_its_cells_failed() -> None:
    failed = pd.concat([cells({"a": [0.9, np.nan]}), cells({"a": [0.9, 0.9]}).assign(problem="q")])
    assert tables.finished(failed).loc["a"].to_dict() == {"p": False, "q": True}


def test_the_order_of_the_rows_does_not_matter() -> None:
    frame = cells({"a": [0.9, 0.8, np.nan], "b": [0.7, 0.9, 0.6]})
    shuffled = frame.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(tables.values(frame, "roc_auc"), tables.values(shuffled, "roc_auc"))


def test_ranks_share_ties() -> None:
    values = table([[0.9, 0.9], [0.9, 0.8], [0.5, 0.8]], 2)
    assert tables.mean_ranks(values).tolist() == [(1.5 + 1) / 2, (1.5 + 2.5) / 2, (3 + 2.5) / 2]
