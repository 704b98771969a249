"""The headline: the winner, its margin, its certainty and its price."""

import re

import numpy as np
import pandas as pd
from made_up_runs import failing, frame

from influence_bench.reports.leaderboard.board import board_of
from influence_bench.reports.leaderboard.headline import headline, not_installed


def test_the_headline_names_the_winner_its_margin_its_certainty_and_its_price() -> None:
    winner, *rest = headline(board_of(frame(seeds=3)))
    assert re.fullmatch(
        r"el2n finds wrong labels best here: ROC-AUC 0\.9\d\d \[0\.9\d\d,\s0\.9\d\d\] "
        r"on average over 4 problems × 3 seeds, for the price of 0\.\d+ training epochs\.",
        winner,
    )
    assert rest[0] == "On these problems, over seeds, every other method is shown to be worse."
    assert rest[1] == (
        "Whether this holds on problems like these cannot be told from 4 problems: that takes at least 8."
    )
    assert rest[2].startswith("Controls: random 0.")


def with_a_twin(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells, and those of a method that is as good as the best."""
    twin = cells[cells["method"] == "el2n"].assign(method="grand", name="grand")
    twin["roc_auc"] += np.resize([0.001, -0.0015], len(twin))
    return pd.concat([cells, twin])


def test_methods_that_are_not_shown_to_be_worse_are_named_with_what_would_have_been_seen() -> None:
    board = board_of(with_a_twin(frame()))
    first, second, *_ = headline(board)
    assert first.startswith("el2n has the highest mean here in finding wrong labels: ")
    assert second == (
        "On these problems, over seeds, 4 of the 5 other methods are shown to be worse; not shown to be worse (in "
        f"brackets the lead that would be seen with 80 %): grand ({board.methods['visible'][1]:.3f})."
    )
    assert list(board.methods["verdict"][:3]) == ["best", "not shown to be worse", "worse"]


def test_eight_problems_answer_for_problems_like_these() -> None:
    board = board_of(frame(datasets=[f"data-{i}" for i in range(8)], seeds=2))
    assert "On problems like these, with the problems as the sample, every other method is shown to be worse." in (
        headline(board)
    )
    assert set(board.methods["new_problems_verdict"]) == {"best", "worse"}


def test_one_seed_claims_nothing() -> None:
    board = board_of(frame(seeds=1, datasets=[f"data-{i}" for i in range(4)]))
    assert set(board.methods["verdict"]) == {""}
    assert board.methods[["low", "high", "difference_low", "rank_low"]].isna().all(axis=None)
    assert headline(board)[0].startswith("el2n has the highest mean here in finding wrong labels: ")
    assert "no interval, and no claim" in headline(board)[1]


def test_one_problem_is_called_one() -> None:
    _, here, beyond, *_ = headline(board_of(frame(datasets=["digits"], seeds=3)))
    assert here.startswith("On this problem, over seeds, ")
    assert beyond.startswith("Whether this holds on problems like this cannot be told from 1 problem: ")


def test_a_row_whose_cells_failed_does_not_lead_and_is_named() -> None:
    cells = frame()
    board = board_of(failing(cells, (cells["method"] == "el2n") & (cells["seed"] == 0), "timeout", "after 60 s"))
    first, second, _, third, *_ = headline(board)
    assert first.startswith("loss has the highest mean here")
    assert second.startswith("On these problems, over seeds, every other method is shown to be worse")
    assert third == "Not compared, since cells failed or are missing: el2n."


def test_a_board_of_failures_compares_nothing() -> None:
    cells = frame()
    first, *_ = headline(board_of(failing(cells, cells["seed"] == 0, "timeout", "after 60 s")))
    assert first == "No method finished all its cells, so none is compared with another."


def test_controls_are_known_by_their_family() -> None:
    assert headline(board_of(frame()))[-1].startswith("Controls: random 0.")
    assert not any("Controls" in sentence for sentence in headline(board_of(frame(["el2n", "loss"]))))


def test_methods_of_a_package_that_is_not_installed_are_named() -> None:
    assert not_installed([{"captum": ["captum-tracin"]}, {"traker": ["traker-trak"]}]) == [
        "Not installed, and so not on the board: captum (captum-tracin); traker (traker-trak)."
    ]
    assert not_installed([{}]) == []
