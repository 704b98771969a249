"""The headline: the winner, its margin, its certainty and its price."""

import re

import numpy as np
import pandas as pd
from made_up_runs import frame

from influence_bench.reports.leaderboard.board import board_of
from influence_bench.reports.leaderboard.headline import headline, not_installed


def test_the_headline_names_the_winner_its_margin_its_certainty_and_its_price() -> None:
    winner, *rest = headline(board_of(frame(seeds=3)))
    assert re.fullmatch(
        r"el2n finds wrong labels best here: ROC-AUC 0\.9\d\d \[0\.9\d\d,\s0\.9\d\d\] "
        r"on average over 4 problems × 3 seeds, for the price of 0\.\d+ training epochs\.",
        winner,
    )
    assert rest[0] == "Every other method is significantly worse."
    assert rest[1].startswith("Random guessing: 0.")


def test_methods_that_are_not_distinguishable_from_the_best_are_named() -> None:
    cells = frame()
    twin = cells[cells["method"] == "el2n"].assign(method="grand", name="grand")
    twin["roc_auc"] += np.resize([0.001, -0.0015], len(twin))
    board = board_of(pd.concat([cells, twin]))
    assert headline(board)[1] == "Not distinguishable from it: grand."
    assert list(board.methods["verdict"][:3]) == ["best", "tied with the best", "worse"]


def test_one_seed_claims_nothing() -> None:
    board = board_of(frame(seeds=1, datasets=[f"data-{i}" for i in range(12)]))
    assert not board.claims
    assert set(board.methods["verdict"]) == {""}
    assert board.methods[["low", "high"]].isna().all(axis=None)
    assert "no interval, and no claim" in headline(board)[1]


def test_too_few_pairs_claim_nothing_and_say_how_many_seeds_would() -> None:
    board = board_of(frame(datasets=["digits"], seeds=3))
    assert set(board.methods["verdict"]) == {""}
    assert headline(board)[1] == (
        "No claim that one method beats another: 3 pairs of problem and seed are too few to tell 5 methods apart; "
        "9 seeds could."
    )


def test_the_controls_that_guess_are_named_and_no_other_control() -> None:
    cells = frame().assign(family="control")
    sentences = headline(board_of(cells))
    assert sum(sentence.startswith("Random guessing: ") for sentence in sentences) == 1


def test_methods_of_a_package_that_is_not_installed_are_named() -> None:
    assert not_installed([{"captum": ["captum-tracin"]}, {"traker": ["traker-trak"]}]) == [
        "Not installed, and so not on the board: captum (captum-tracin); traker (traker-trak)."
    ]
    assert not_installed([{}]) == []
