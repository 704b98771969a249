"""The board: the tables of a report."""

from made_up_runs import failing, frame

from influence_bench.reports.leaderboard.board import board_of


def test_failed_cells_count_as_the_worst_and_are_listed_once_for_all_seeds() -> None:
    cells = frame()
    lost = (cells["method"] == "el2n") & (cells["dataset"] == "digits")
    board = board_of(failing(cells, lost, "out of memory", "MemoryError: no room\nmore lines"))
    row = board.methods.set_index("method").loc["el2n"]
    assert (row["finished"], row["pairs"]) == (9, 12)
    assert board.auc.loc["el2n", "digits · symmetric 20 % · mlp"] <= 0.5
    assert board.failures[["error", "seeds"]].values.tolist() == [["MemoryError: no room", "0, 1, 2"]]


def test_a_row_with_a_failed_cell_is_incomplete_without_interval_and_cannot_lead() -> None:
    cells = frame()
    whole = board_of(cells).methods.set_index("method")
    lost = (cells["method"] == "el2n") & (cells["dataset"] == "digits") & (cells["seed"] == 0)
    board = board_of(failing(cells, lost, "timeout", "after 60 s"))
    rows = board.methods.set_index("method")
    assert rows.loc["el2n", ["low", "high", "difference", "p", "rank_low"]].isna().all()
    assert rows["verdict"].to_dict() == dict.fromkeys(rows.index, "worse") | {"el2n": "incomplete", "loss": "best"}
    assert rows.loc["loss", ["low", "high"]].tolist() == whole.loc["loss", ["low", "high"]].tolist()
    assert rows.loc["loss", ["rank_low", "rank_high"]].tolist() == [1, 2]  # el2n may be above it
    assert board.low.loc["el2n"].isna().to_dict() == {p: p.startswith("digits") for p in board.low.columns}


def test_a_row_that_was_not_run_on_a_problem_is_incomplete() -> None:
    cells = frame()
    board = board_of(cells[(cells["method"] != "loss") | (cells["dataset"] != "blobs")])
    assert board.methods.set_index("method")["verdict"]["loss"] == "incomplete"


def test_problems_like_these_are_judged_where_there_are_enough() -> None:
    few, enough = (board_of(frame(datasets=[f"d{i}" for i in range(n)])).methods for n in (7, 8))
    assert "new_problems_verdict" not in few
    assert enough["new_problems_verdict"].tolist() == ["best", "worse", "worse", "worse", "worse"]
    assert (enough["new_problems_difference_high"][1:] < 0).all()


def test_a_board_is_of_pairs_if_all_its_methods_score_pairs_whatever_their_names() -> None:
    cells = frame(["pairwise-loss", "dot"])
    assert not board_of(cells).pairwise
    assert not board_of(cells.assign(pairwise=cells["method"] == "dot")).pairwise
    assert board_of(cells.assign(pairwise=True)).pairwise
