"""What rows cost: the unit, failed cells, and calibrations that are not steady."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_runs import DATASETS, failing, frame, with_short_epochs

from influence_bench.reports.leaderboard.board import board_of
from influence_bench.reports.leaderboard.costs import EPOCHS, MILLISECONDS, cost_notes, cost_text, price, timed, units

COSTS = ["seconds", "epochs", "ms_per_1000_rows", "peak_mb"]


def costs(cells: pd.DataFrame) -> pd.DataFrame:
    return board_of(cells).methods.set_index("method")


def at(cells: pd.DataFrame, method: str, dataset: str) -> pd.Series:
    return (cells["method"] == method) & (cells["dataset"] == dataset)


def test_epochs_are_a_geometric_mean_over_problems_and_memory_is_the_highest_peak() -> None:
    cells = frame(["loss"], ["digits", "blobs"], 2)
    cells = cells.assign(epochs=[1.0, 4.0, 8.0, 8.0], peak_bytes=[5e6, 7e6, 1e6, 1e6], n_train=500)
    row = costs(cells).loc["loss"]
    assert row[["epochs", "peak_mb"]].tolist() == pytest.approx([4.0, 7.0])
    assert row["ms_per_1000_rows"] == pytest.approx(4.0 * 0.1 * 1000 * 2)


def test_epochs_are_those_of_problems_where_an_epoch_is_long_and_milliseconds_those_of_all() -> None:
    whole, part = frame(), with_short_epochs(frame(), "blobs", "half-moons")
    kept = frame(datasets=["digits", "breast-cancer"])
    assert timed(part) == sorted(kept["problem"].unique())
    assert np.allclose(costs(part)["epochs"], costs(whole[whole["problem"].isin(timed(part))])["epochs"])
    assert np.allclose(costs(part)["ms_per_1000_rows"], costs(whole)["ms_per_1000_rows"])
    assert units(whole) == [EPOCHS]
    assert units(part) == [EPOCHS, MILLISECONDS]


def test_where_all_epochs_are_short_there_are_no_epochs_and_no_price() -> None:
    cells = with_short_epochs(frame(), *DATASETS)
    board = board_of(cells)
    assert units(cells) == [MILLISECONDS]
    assert board.methods["epochs"].isna().all()
    assert not board.methods["unsteady"].any()
    assert board.methods["ms_per_1000_rows"].notna().all()
    assert price(board.methods.iloc[0], cells) == ""
    (note,) = cost_notes(board.methods, cells)
    assert "On all problems here an epoch takes less than 0.1 s" in note


def test_a_price_says_on_which_problems_it_is_in_epochs() -> None:
    cells = frame()
    row = board_of(cells).methods.iloc[0]
    assert price(row, cells).endswith(" training epochs")
    mixed = with_short_epochs(frame(), "blobs")
    assert price(row, mixed).endswith(" training epochs on the 3 of 4 problems where an epoch takes 0.1 s or longer")
    row[["failed", "unsteady"]] = 1, True
    assert price(row, mixed).startswith("at least about ")


@settings(max_examples=30, deadline=None)
@given(
    status=st.sampled_from(["timeout", "error", "out of memory"]),
    dearer=st.floats(1, 5000),
    seeds=st.sets(st.integers(0, 2), min_size=1),
)
def test_a_method_that_fails_is_never_cheaper_than_the_same_method_that_finishes(
    status: str, dearer: float, seeds: set[int]
) -> None:
    cells = frame()
    dear = at(cells, "loss", "digits") & cells["seed"].isin(seeds)
    times = ["seconds", "cpu_seconds", "epochs"]
    most = (cells.loc[dear, "limit_seconds"] / cells.loc[dear, "seconds"]).min()
    cells.loc[dear, times] *= min(dearer, most)  # a finished cell takes no longer than the limit
    finishes = costs(cells).loc["loss"]
    fails = costs(failing(cells, dear, status, "it failed")).loc["loss"]
    assert (
        fails[["seconds", "epochs", "ms_per_1000_rows"]] >= finishes[["seconds", "epochs", "ms_per_1000_rows"]]
    ).all()
    assert fails["failed"] == len(seeds)


def test_a_failed_cell_counts_the_limits_of_its_run() -> None:
    cells = frame(["loss", "el2n"], ["digits"], 1).assign(limit_seconds=50.0, limit_bytes=8e9)
    row = costs(failing(cells, at(cells, "loss", "digits"), "out of memory", "no room")).loc["loss"]
    assert row[COSTS].tolist() == pytest.approx([50, 50 / 0.1, 50_000, 8000])
    row = costs(failing(cells, at(cells, "loss", "digits"), "timeout", "after 50 s")).loc["loss"]
    assert row["seconds"] == 50
    assert np.isnan(row["peak_mb"])
    dropped = cells[~at(cells, "loss", "digits")]
    both = pd.concat([dropped, frame(["loss"], ["blobs"], 1).assign(limit_seconds=50.0)])
    assert costs(both).loc["loss", "seconds"] > 25


def test_failed_cells_and_unsteady_calibrations_are_marked_and_explained() -> None:
    cells = frame()
    assert not any(note[0] in "≥≈" for note in cost_notes(board_of(cells).methods, cells))
    cells.loc[cells["method"] == "tracin", "epoch_drift"] = 0.3
    cells.loc[cells["method"] == "loss", "epoch_drift"] = np.nan  # of an older version
    cells.loc[at(cells, "el2n", "digits"), "epoch_drift"] = 0.3  # one problem of four
    board = board_of(failing(cells, cells["method"] == "random", "error", "no"))
    rows = {row["method"]: row for row in board.methods.to_dict("records")}
    marks = {name: cost_text(row, "epochs")[0] for name, row in rows.items()}
    assert {name for name, mark in marks.items() if mark == "≈"} == {"loss", "tracin"}
    assert {name for name, mark in marks.items() if mark == "≥"} == {"random"}
    assert cost_text(rows["random"], "seconds") == "≥ 600"
    assert cost_text(rows["random"], "peak_mb") == "–"
    assert cost_text(rows["tracin"], "seconds")[0] not in "≥≈"
    assert [note[0] for note in cost_notes(board.methods, cells)[1:]] == ["≥", "≈"]
