"""The time of scores with and without the gradients, and what claims make of it."""

import numpy as np
import pytest
from judging import word, words
from made_up_runs import MadeUpRun, cell
from timed_runs import FOREST, L1, L2, TimedRun, passes, timed

from influence_bench.bench.results.records import Cost
from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.judge import FALLS, OPEN, STANDS
from influence_bench.reports.claims.paper import runtime
from influence_bench.reports.style import amount

PLACE = [(100, 10, 50)]
NORMS = {L1: passes(1), L2: passes(1)}
TEN_TIMES = runtime.outlier_gradients_are_orders_of_magnitude_faster_than_datainf
TEN_TIMES_BEYOND = runtime.outlier_gradients_are_orders_of_magnitude_faster_than_datainf_without_gradients


def compared(forest, datainf, lissa=1.0, **more):
    rows = NORMS | {FOREST: passes(forest), "datainf": passes(datainf), "lissa": passes(lissa), "grad-dot": passes(1)}
    return timed(rows, PLACE, **more)


@pytest.mark.parametrize(
    ("forest", "datainf", "counted", "not_counted"),
    [(2.0, 40.0, STANDS, STANDS), (2.0, 13.0, FALLS, STANDS), (2.0, 4.0, FALLS, FALLS), (2.0, 1.5, FALLS, FALLS)],
)
def test_orders_of_magnitude_are_a_factor_of_ten_with_and_without_the_gradients(forest, datainf, counted, not_counted):
    run = compared(forest, datainf)
    assert word(TEN_TIMES, run) == counted
    assert word(TEN_TIMES_BEYOND, run) == not_counted  # a pass of the forest's two, of DataInf's all but one


def test_lissa_has_claims_of_its_own():
    run = compared(2.0, 2.0, lissa=60.0)
    assert word(runtime.outlier_gradients_are_orders_of_magnitude_faster_than_lissa, run) == STANDS
    assert word(runtime.outlier_gradients_are_orders_of_magnitude_faster_than_lissa_without_gradients, run) == STANDS
    assert "lissa 60 [" in TEN_TIMES(run).figures


@pytest.mark.parametrize(("datainf", "expected"), [(3.0, STANDS), (2.0, FALLS), (1.5, FALLS)])
def test_only_tracing_is_faster_where_datainf_takes_longer_than_the_forest(datainf, expected):
    run = compared(2.0, datainf)
    assert word(runtime.only_gradient_tracing_is_faster, run) == expected
    assert word(runtime.only_gradient_tracing_is_faster_without_gradients, run) == expected
    assert f"datainf {amount(datainf / 2)}× [" in runtime.only_gradient_tracing_is_faster(run).figures


@pytest.mark.parametrize(("forest", "expected"), [(1.2, STANDS), (2.0, FALLS), (4.0, FALLS)])
def test_most_of_the_time_is_left_out_where_passes_take_more_than_half(forest, expected):
    run = compared(forest, 4.0)
    assert word(runtime.the_gradients_are_left_out_of_the_times, run) == expected
    assert f"outlier-gradient {100 / forest:.1f} % [" in runtime.the_gradients_are_left_out_of_the_times(run).figures


@pytest.mark.parametrize(
    ("claimed", "factor"),
    [(runtime.only_gradient_tracing_is_faster, np.exp(runtime.TIMED)), (TEN_TIMES, 10.0)],
)
def test_noise_shows_no_ratio(claimed, factor):
    runs = [compared(2.0, 2.0 * factor, noise=0.1, first=number) for number in range(10)]
    assert FALLS not in words(claimed, runs)
    runs = [compared(2.0, 20.0 if claimed is TEN_TIMES else 2.0, noise=0.1, first=number) for number in range(10)]
    assert words(claimed, runs) == {OPEN}


def test_costs_lack_what_they_need_by_name():
    with pytest.raises(Lacking, match="finished cells"):
        runtime.costs(MadeUpRun())
    with pytest.raises(Lacking, match=r"outlier-gradient\[detector=l2\]"):
        runtime.costs(timed({FOREST: passes(1)}, PLACE))
    with pytest.raises(Lacking, match="datainf"):
        runtime.only_gradient_tracing_is_faster(timed(NORMS | {FOREST: passes(1)}, PLACE))
    run = timed(NORMS, PLACE)
    old = Cost(1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1, 0, {})
    with pytest.raises(Lacking, match="CPU time of each phase"):
        runtime.costs(TimedRun(records=[cell(L2, run.records[0].problem, old)], problems=run.problems))


def test_layers_are_taken_off_a_row_by_its_hyperparameters():
    rows = {FOREST, L2, "lissa[steps=50]"}
    run = timed(dict.fromkeys(rows, passes(1)), PLACE, layers="all")
    assert "outlier-gradient[layers=all]" in {record.method for record in run.cells()}
    assert set(runtime.costs(run)["method"]) == rows
