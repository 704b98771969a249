"""The rows that claims compare: chosen by name and by field, and named where the run lacks them."""

import numpy as np
import pandas as pd
import pytest
from made_up_runs import MadeUpRun, arms_at, failing, frame, run_of_rows

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import rows

TABLE = pd.DataFrame({"a": [0.5, 0.7, 0.6]}, index=["loss", "el2n", "outlier-gradient"])


def test_rows_come_in_the_order_of_their_names():
    assert list(rows.rows(TABLE, ["outlier-gradient", "loss"]).index) == ["outlier-gradient", "loss"]
    assert rows.row(TABLE, "el2n")["a"] == 0.7


def test_missing_rows_are_lacking_by_name_and_a_wrong_column_is_a_mistake():
    with pytest.raises(Lacking, match=r"^margin, aum$"):
        rows.rows(TABLE, ["loss", "margin", "aum"])
    with pytest.raises(KeyError):
        rows.row(TABLE, "loss")["b"]


def test_the_columns_of_a_problem_are_chosen_by_its_label_and_lacking_by_name():
    index = pd.MultiIndex.from_tuples([("a", 0), ("b", 0), ("a", 1)], names=["problem", "seed"])
    table = pd.DataFrame([[1, 2, 3]], ["loss"], index)
    assert rows.on(table, ["a"]).loc["loss"].tolist() == [1, 3]
    with pytest.raises(Lacking, match="models of c or d"):
        rows.on(table, ["c", "d"])


def test_figures_by_slug_become_differences_by_problem_and_seed():
    series = rows.by_problem_and_seed(MadeUpRun(), {"blobs-seed0": 0.25, "blobs-seed1": 0.5})
    assert series["blobs · symmetric 20 % · mlp"].to_dict() == {0: 0.25, 1: 0.5}


def test_rows_with_a_failed_cell_are_left_out_and_a_run_without_finished_cells_lacks_them():
    cells = frame()
    run = MadeUpRun(table=failing(cells, cells.index[0], "timeout", "after 60 s"))
    assert "el2n" not in rows.aucs(run).index
    for table in (pd.DataFrame(), frame().drop(columns="roc_auc")):
        with pytest.raises(Lacking, match="finished cells"):
            rows.aucs(MadeUpRun(table=table))


def test_problems_are_chosen_by_their_dataset():
    run = MadeUpRun(table=frame(datasets=["blobs", "blobs-of-mine"]))
    assert rows.problems_of(run, "blobs") == ["blobs · symmetric 20 % · mlp"]
    with pytest.raises(Lacking, match="problem of moons or mars"):
        rows.problems_of(run, "moons", "mars")


def test_accuracies_are_means_over_trainings_where_all_arms_are_trained():
    run = run_of_rows(accuracies=arms_at("5%", loss=0.8, random=0.7))
    trained = run.trimmed()
    assert rows.accuracy(trained, "5%").loc["loss"].tolist() == pytest.approx([0.799, 0.8, 0.801])
    partial = trained.query("removal == 'loss' or problem_seed == 0")
    assert rows.accuracy(partial, "5%").shape == (2, 1)
    with pytest.raises(Lacking, match="problem on which all arms are trained"):
        rows.accuracy(trained.query("(removal == 'loss') == (problem_seed == 0)"), "5%")
    with pytest.raises(Lacking, match="models retrained without 10% of the rows"):
        rows.accuracy(trained, "10%")


def test_scores_are_lacking_where_one_problem_has_no_needed_row():
    scores = {"a-seed0": {"loss": np.arange(3.0), "el2n": np.arange(3.0)}, "a-seed1": {"loss": np.arange(3.0)}}
    run = MadeUpRun(scores_of=scores)
    assert rows.scores_by_problem(run, ["loss"]) == scores
    with pytest.raises(Lacking, match=r"^el2n$"):
        rows.scores_by_problem(run, ["loss", "el2n"])
