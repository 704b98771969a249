"""The board: the tables of a report."""

import pytest
from made_up_runs import failing, frame

from influence_bench.reports.leaderboard.board import board_of


def test_epochs_are_averaged_as_ratios_and_memory_is_the_highest_peak() -> None:
    cells = frame(["loss"], ["digits"], 2).assign(epochs=[1.0, 4.0], peak_bytes=[5e6, 7e6])
    assert board_of(cells).methods.loc[0, ["epochs", "peak_mb"]].tolist() == pytest.approx([2.0, 7.0])


def test_failed_cells_count_as_the_worst_and_are_listed_once_for_all_seeds() -> None:
    cells = frame()
    lost = (cells["method"] == "el2n") & (cells["dataset"] == "digits")
    board = board_of(failing(cells, lost, "out of memory", "MemoryError: no room\nmore lines"))
    row = board.methods.set_index("method").loc["el2n"]
    assert (row["finished"], row["pairs"]) == (9, 12)
    assert board.auc.loc["el2n", "digits · symmetric 20 % · mlp"] <= 0.5
    assert board.failures[["error", "seeds"]].values.tolist() == [["MemoryError: no room", "0, 1, 2"]]


def test_a_board_is_of_pairs_if_all_its_methods_score_pairs_whatever_their_names() -> None:
    cells = frame(["pairwise-loss", "dot"])
    assert not board_of(cells).pairwise
    assert not board_of(cells.assign(pairwise=cells["method"] == "dot")).pairwise
    assert board_of(cells.assign(pairwise=True)).pairwise
