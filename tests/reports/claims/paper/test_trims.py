"""Pictures of the gains of trimming."""

import pytest
from made_up_runs import MadeUpRun, retrained

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import trims
from influence_bench.reports.drawing import PAGE


def test_gains_are_drawn_by_budget_and_accuracy_by_epoch():
    run = MadeUpRun(trainings=retrained())
    assert "loss" in {axes.get_title(loc="left") for axes in trims.gains_by_budget(run, PAGE).axes}
    assert "loss" in {axes.get_title(loc="left") for axes in trims.accuracy_by_epoch(run, PAGE).axes}


def test_a_run_with_one_budget_or_no_trainings_lacks_them():
    with pytest.raises(Lacking, match="trimmed by several budgets"):
        trims.gains_by_budget(MadeUpRun(trainings=retrained(["5%"])), PAGE)
    with pytest.raises(Lacking, match="retrained models"):
        trims.accuracy_by_epoch(MadeUpRun(), PAGE)
