"""The claims about budgets follow the run: absolute accuracy, whatever random removal does."""

import pytest
from made_up_runs import arms_at, run_of_rows

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import threshold

BUDGETS = ("2.5%", "5%", "7.5%", "10%", "12.5%", "true")


def run_of_budgets(**changes):
    """Accuracies by budget, the same in each but where changed; random removal falls from budget to budget."""
    arms = arms_at("", none=0.85, unshuffled=0.8)
    for number, budget in enumerate(BUDGETS):
        known = {"oga": 0.8, "l2": 0.84, "datainf": 0.8} | {
            name: accuracies[budget] for name, accuracies in changes.items() if budget in accuracies
        }
        arms |= arms_at(budget, random=0.75 - 0.05 * number, **known)
    return run_of_rows(accuracies=arms)


def test_budgets_are_judged_by_the_mean_over_the_papers_five():
    evidence = threshold.outlier_gradients_lead_whatever_the_budget(run_of_budgets(datainf={"5%": 0.9, "true": 0.1}))
    assert evidence.differences.tolist() == pytest.approx([0.0] * 3)
    assert "datainf 80.00, 90.00, 80.00, 80.00, 80.00" in evidence.figures
    assert "none 85.00, 85.00" in evidence.figures


def test_a_small_budget_is_judged_by_accuracy_and_not_by_gains_over_random_removal():
    worse = run_of_budgets(oga={"true": 0.7}, l2={"true": 0.74})
    evidence = threshold.five_percent_is_the_budget(worse)
    assert evidence.differences.tolist() == pytest.approx([0.1] * 3)
    assert "outlier-gradient 80.00, 70.00" in evidence.figures
    assert "random 70.00, 50.00" in evidence.figures  # the gain over it is larger at the true share


def test_a_run_without_a_budget_lacks_it():
    run = run_of_rows(accuracies=arms_at("5%", oga=0.8, l2=0.8, datainf=0.8) | arms_at("", none=0.8))
    with pytest.raises(Lacking, match="models retrained without true of the rows"):
        threshold.five_percent_is_the_budget(run)
