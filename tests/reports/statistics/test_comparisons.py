"""Which row is best: verdicts, their intervals and ranks, compared with known answers, known truths and invariants."""

import numpy as np
import pandas as pd
import pytest
import simulations
from hypothesis import given
from hypothesis import strategies as st
from made_up_tables import table
from scipy import stats

from influence_bench.reports.statistics.comparisons import BEST, NOT_SHOWN, WORSE, Lead, judged, judged_by_problem

NOISE = simulations.NOISES


@st.composite
def boards(draw: st.DrawFn) -> pd.DataFrame:
    """Boards of some rows that differ little or much, with spreads of their own."""
    problems, seeds, rows = draw(st.integers(1, 5)), draw(st.integers(2, 6)), draw(st.integers(2, 9))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    spreads = np.exp(rng.normal(size=(rows, problems))).repeat(seeds, axis=1)
    distances = draw(st.sampled_from([0.0, 2.0, 20.0])) * rng.random((rows, 1))
    return table(rng.normal(size=spreads.shape) * spreads - distances, problems)


@pytest.mark.parametrize("design", list(simulations.DESIGNS))
@pytest.mark.parametrize("noise", ["equal", "10 on one problem, else 1", "of each row and problem its own"])
@pytest.mark.parametrize("rows", [2, 4, 5, 20])
def test_a_row_that_is_as_good_as_the_best_is_judged_worse_once_in_20_boards_at_most(
    noise: str, design: str, rows: int
) -> None:
    outcome = simulations.outcome(NOISE[noise], simulations.all_equal, rows, simulations.DESIGNS[design], 1000)
    assert outcome.alarms <= 0.05 + 0.01  # the simulation's own standard error is 0.7 %
    assert outcome.covered >= 0.95 - 0.01


@pytest.mark.parametrize("noise", list(NOISE))
def test_worse_rows_on_the_board_do_not_raise_false_alarms(noise: str) -> None:
    outcome = simulations.outcome(NOISE[noise], simulations.some_equal, 20, simulations.DESIGNS["4 × 5"], 1000)
    assert outcome.alarms <= 0.05 + 0.01
    assert outcome.covered >= 0.95 - 0.01


def test_intervals_of_ranks_hold() -> None:
    leader, row, every = simulations.ranked(NOISE["equal"], 8, simulations.DESIGNS["4 × 5"], 600)
    assert min(leader, row) >= 0.94
    assert every >= 0.9


def test_problems_as_the_sample_hold_their_level_where_seeds_do_not() -> None:
    assert simulations.new_problems(8, 5, by_problem=True, boards=1000) <= 0.06
    assert simulations.new_problems(8, 5, by_problem=False, boards=1000) > 0.15


def test_two_rows_are_compared_by_a_paired_t_test_among_four_that_may_be_best() -> None:
    first, second = [0.93, 0.91, 0.96, 0.92], [0.85, 0.86, 0.84, 0.86]
    row = judged(table([first, second], 1)).loc["m1"]
    paired = stats.ttest_rel(second, first, alternative="less")
    assert row["p"] == pytest.approx(12 * paired.pvalue)
    assert row["difference"] == pytest.approx(np.mean(second) - np.mean(first))
    interval = stats.ttest_rel(second, first).confidence_interval(1 - 0.1 / 12)
    assert row[["difference_low", "difference_high"]].tolist() == pytest.approx(list(interval))


def test_each_comparison_is_adjusted_for_the_pairs_of_rows_that_may_be_best() -> None:
    zeros = np.zeros(2)
    pairs = [int(Lead(zeros, zeros, zeros, np.array(candidates)).comparisons) for candidates in (1, 3, 4, 8, 20)]
    assert pairs == [4 * 3, 4 * 3, 6 * 5, 11 * 10, 26 * 25]


def test_verdicts_and_ranks_of_a_plain_board() -> None:
    wiggle = np.array([[0.3, -0.1, 0.2, -0.4], [-0.2, 0.4, 0.1, -0.3], [0.1, 0.2, -0.4, 0.1], [0.2, -0.3, 0, 0.1]])
    board = judged(table(np.array([[9.0], [8.9], [5], [1]]) + wiggle, 1))
    assert board["verdict"].tolist() == [BEST, NOT_SHOWN, WORSE, WORSE]
    assert board[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 2], [1, 2], [3, 3], [4, 4]]


def test_a_row_that_is_always_equal_to_the_leader_is_not_worse_and_one_always_as_far_below_is() -> None:
    values = np.array([0.9, 0.7, 0.8])
    board = judged(table([values, values, values - 0.1], 1))
    assert board["verdict"].tolist() == [BEST, NOT_SHOWN, WORSE]
    assert board.loc["m1", ["difference", "difference_low", "difference_high"]].tolist() == [0, 0, 0]


def test_one_seed_or_one_row_says_nothing() -> None:
    for silent in (judged(table([[0.9, 0.8], [0.5, 0.4]], 2)), judged(table([[0.9, 0.8]], 1))):
        assert set(silent["verdict"]) == {""}
        assert silent.drop(columns=["difference", "verdict"]).isna().all(axis=None)
    assert judged(table([[0.9, 0.8], [0.5, 0.4]], 2))["difference"].tolist() == pytest.approx([0, -0.4])


@given(boards(), st.randoms(use_true_random=False))
def test_the_order_of_rows_problems_and_seeds_does_not_matter(board: pd.DataFrame, random: np.random.Generator) -> None:
    rows, columns = list(board.index), list(board.columns)
    random.shuffle(rows)
    random.shuffle(columns)
    moved = {(problem, seed): (f"q{problem[::-1]}", -seed) for problem, seed in board.columns}
    shuffled = board.loc[rows, columns]
    shuffled.columns = pd.MultiIndex.from_tuples([moved[cell] for cell in columns], names=["problem", "seed"])
    pd.testing.assert_frame_equal(judged(shuffled).loc[board.index], judged(board), check_exact=False, atol=1e-9)


@given(boards(), st.floats(-5, 5), st.floats(0.1, 10))
def test_shifting_and_scaling_all_values_changes_no_verdict(board: pd.DataFrame, shift: float, scale: float) -> None:
    before, after = judged(board), judged(scale * board + shift)
    pd.testing.assert_series_equal(after["verdict"], before["verdict"])
    pd.testing.assert_series_equal(after["difference"], scale * before["difference"], atol=1e-9)
    pd.testing.assert_frame_equal(after[["rank_low", "rank_high"]], before[["rank_low", "rank_high"]])


@given(boards(), st.integers(1, 30))
def test_rows_that_are_far_behind_change_no_verdict(board: pd.DataFrame, more: int) -> None:
    rng = np.random.default_rng(more)
    behind = pd.DataFrame(rng.normal(-1e5, 1, (more, board.shape[1])), columns=board.columns).rename(str)
    before, after = judged(board), judged(pd.concat([board, behind])).loc[board.index]
    pd.testing.assert_frame_equal(after[["p", "verdict", "visible"]], before[["p", "verdict", "visible"]])


@given(boards(), st.floats(0, 30))
def test_a_row_is_not_judged_worse_than_another_of_the_same_spread_that_is_below_it(
    board: pd.DataFrame, distance: float
) -> None:
    below = board.set_axis([f"{row} below" for row in board.index]) - distance
    verdicts = judged(pd.concat([board, below]))["verdict"]
    for row in board.index:
        assert verdicts[row] != WORSE or verdicts[f"{row} below"] == WORSE


@given(boards())
def test_a_verdict_agrees_with_its_interval_its_p_and_its_rank(board: pd.DataFrame) -> None:
    rows = judged(board)
    others = rows[rows["verdict"] != BEST]
    worse = others["verdict"] == WORSE
    assert (worse == (others["difference_high"] <= 0)).all()
    assert (worse == (others["p"] <= 0.05)).all()
    assert (others.loc[worse, "rank_low"] > 1).all()
    place = rows["difference"].rank(ascending=False)
    assert ((rows["rank_low"] <= place) & (place <= rows["rank_high"])).all()
    assert rows.loc[rows["verdict"] == BEST, "rank_high"].tolist() == [1 + (~worse).sum()]
    assert ((rows["difference_low"] <= rows["difference"]) & (rows["difference"] <= rows["difference_high"])).all()


@given(boards())
def test_a_lead_of_the_visible_size_is_shown_with_the_same_spread(board: pd.DataFrame) -> None:
    rows = judged(board)
    leader = rows.index[rows["verdict"] == BEST][0]
    apart = board.copy()
    for row in rows.index[rows["verdict"] == NOT_SHOWN]:
        apart.loc[row] -= rows.loc[row, "visible"] + rows.loc[row, "difference"]
    assert set(judged(apart).drop(leader)["verdict"]) == {WORSE}


def test_problems_as_the_sample_are_compared_by_their_means() -> None:
    rng = np.random.default_rng(0)
    board = table(rng.normal(size=(3, 24)) - [[0], [1], [4]], 8)
    means = board.T.groupby(level="problem").mean().T
    pd.testing.assert_frame_equal(judged_by_problem(board), judged(table(means.to_numpy(), 1)))
