"""Pictures of the gains of trimming."""

import pytest
from made_up_runs import MadeUpRun, retrained

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import trims
from influence_bench.reports.drawing import PAGE


@pytest.mark.parametrize("draw", [trims.accuracy_by_budget, trims.gains_by_budget, trims.accuracy_by_epoch])
def test_accuracy_and_gains_have_a_panel_for_each_removal(draw):
    run = MadeUpRun(trainings=retrained())
    assert "loss" in {axes.get_title(loc="left") for axes in draw(run, PAGE).axes}


def test_a_run_with_one_budget_or_no_trainings_lacks_them():
    with pytest.raises(Lacking, match="trimmed by several budgets"):
        trims.gains_by_budget(MadeUpRun(trainings=retrained(["5%"])), PAGE)
    with pytest.raises(Lacking, match="retrained models"):
        trims.accuracy_by_epoch(MadeUpRun(), PAGE)
