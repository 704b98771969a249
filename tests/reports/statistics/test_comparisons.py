"""Statistics of a leaderboard, compared with known answers."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from influence_bench.reports.statistics import comparisons, estimates, tables


def table(values: np.ndarray, problems: int) -> pd.DataFrame:
    """Values (method, problem × seed) as the table that the statistics take."""
    seeds = range(values.shape[1] // problems)
    columns = pd.MultiIndex.from_product([[f"p{i}" for i in range(problems)], seeds], names=["problem", "seed"])
    return pd.DataFrame(values, index=[f"m{i}" for i in range(len(values))], columns=columns)


def cells(aucs: dict[str, list[float]]) -> pd.DataFrame:
    """Cells of one problem, by method and seed; NaN where one failed."""
    rows = [(method, seed, auc) for method, values in aucs.items() for seed, auc in enumerate(values)]
    frame = pd.DataFrame(rows, columns=["method", "seed", "roc_auc"]).assign(problem="p", rate=0.2)
    return frame.assign(recall_at_k=frame["roc_auc"], status=np.where(frame["roc_auc"].isna(), "error", "ok"))


@pytest.mark.parametrize(("problems", "seeds"), [(4, 3), (2, 5), (5, 2)])
def test_intervals_cover_the_true_mean_19_times_in_20(problems: int, seeds: int) -> None:
    rng = np.random.default_rng(0)
    offsets = np.repeat(np.linspace(-0.2, 0.2, problems), seeds)
    simulated = table(0.8 + offsets + rng.normal(0, 0.01, (600, problems * seeds)), problems)
    bounds = estimates.intervals(simulated)
    covered = ((bounds["low"] <= 0.8) & (bounds["high"] >= 0.8)).mean()
    assert 0.92 <= covered <= 0.98


def test_intervals_are_the_same_each_time_and_for_any_company() -> None:
    values = table(np.random.default_rng(0).normal(0.8, 0.01, (3, 12)), 4)
    bounds = estimates.intervals(values)
    pd.testing.assert_frame_equal(bounds, estimates.intervals(values))
    pd.testing.assert_frame_equal(bounds.loc[["m2"]], estimates.intervals(values.loc[["m2"]]))


def test_one_seed_has_no_interval() -> None:
    assert estimates.intervals(table(np.ones((2, 4)), problems=4)).isna().all(axis=None)


def test_every_problem_weighs_the_same() -> None:
    uneven = table(np.array([[0.9, 0.5, 0.6]]), 1)
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
    assert tables.values(cells({"a": [0.9, 0.9], "b": [0.8]}), "roc_auc").loc["b"].tolist() == [0.8, 0.5]


def test_the_order_of_the_rows_does_not_matter() -> None:
    frame = cells({"a": [0.9, 0.8, np.nan], "b": [0.7, 0.9, 0.6]})
    shuffled = frame.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(tables.values(frame, "roc_auc"), tables.values(shuffled, "roc_auc"))


def test_ranks_share_ties() -> None:
    values = table(np.array([[0.9, 0.9], [0.9, 0.8], [0.5, 0.8]]), 2)
    assert tables.mean_ranks(values).tolist() == [(1.5 + 1) / 2, (1.5 + 2.5) / 2, (3 + 2.5) / 2]


def test_wins_are_the_share_of_pairs_above_the_leader() -> None:
    values = table(np.array([[0.9, 0.8, 0.7, 0.6], [0.95, 0.8, 0.6, 0.5]]), 2)
    assert tables.wins(values, "m0").tolist() == [0.5, 0.375]


def test_pairwise_p_are_signed_rank_tests_with_holms_correction() -> None:
    rows = {"a": [1, 2, 3, 4, 5, 6, 7, 8], "b": [0, 1, 2, 3, 4, 5, 6, 7], "c": [2, 1, 4, 3, 6, 5, 8, 7]}
    columns = pd.MultiIndex.from_product([["p"], range(8)], names=["problem", "seed"])
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).astype(float)
    p = comparisons.pairwise(table)
    # a over b in all of 8 pairs: 2 / 2^8, times 3; then c over b, times 2; a and c are even.
    assert p.loc["a", "b"] == pytest.approx(3 * 2 / 256)
    assert p.loc["b", "c"] == pytest.approx(2 * comparisons.wilcoxon(table.loc["b"] - table.loc["c"]))
    assert p.loc["a", "c"] == 1


@pytest.mark.parametrize("n", [6, 12, 30])
def test_wilcoxon_agrees_with_scipy(n: int) -> None:
    for d in np.random.default_rng(n).normal(0.3, 1, (20, n)):
        assert comparisons.wilcoxon(d) == pytest.approx(stats.wilcoxon(d, method="exact").pvalue)


def test_wilcoxon_is_exact_with_ties_and_zeros() -> None:
    # ranks 1.5 1.5 3: of the 8 signs, 2 leave a sum of negative ranks of at most 1.5 on either side: 0 and 1.5 twice
    assert comparisons.wilcoxon([1, -1, 2, 0]) == pytest.approx(2 * 3 / 8)
    assert comparisons.wilcoxon(np.ones(6)) == pytest.approx(2 / 64)
    assert comparisons.wilcoxon(np.zeros(6)) == 1.0


def test_pairwise_corrects_for_all_pairs() -> None:
    values = table(np.add.outer([0.9, 0.8, 0.7], np.linspace(0, 0.05, 12)), 4)
    p = comparisons.pairwise(values)
    assert p.loc["m0", "m1"] == p.loc["m1", "m0"] == pytest.approx(3 * 2 / 2**12)
    assert (np.diag(p) == 1).all()


def test_five_pairs_are_never_enough_and_more_methods_need_more() -> None:
    assert [comparisons.pairs_needed(methods) for methods in (2, 10, 18)] == [6, 11, 13]
    assert comparisons.can_claim(table(np.ones((2, 6)), problems=3))
    assert not comparisons.can_claim(table(np.ones((2, 5)), problems=1))
    assert not comparisons.can_claim(table(np.ones((3, 6)), problems=3))
    assert not comparisons.can_claim(table(np.ones((2, 6)), problems=6))
