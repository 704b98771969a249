"""The claims about budgets follow the run."""

import pytest
from made_up_runs import arms_at, run_of_rows

from influence_bench.reports.claims.paper import threshold

BUDGETS = ("2.5%", "5%", "7.5%", "10%", "12.5%", "true")


@pytest.mark.parametrize(("oga", "sentence"), [(0.85, "Stands against"), (0.8, "Undecided"), (0.75, "Does not")])
def test_budgets_are_judged_together_and_the_true_share_against_five_percent(oga, sentence):
    arms = {}
    for budget in BUDGETS:
        arms |= arms_at(budget, oga=oga + 0.05 * (budget == "true"), datainf=0.8, random=0.7, oracle=0.9)
    finding = threshold.outlier_gradients_lead_whatever_the_budget(run_of_rows(accuracies=arms))
    assert finding.verdict.startswith(sentence)
    assert "datainf +10.00, +10.00, +10.00, +10.00, +10.00, +10.00" in finding.ours
    finding = threshold.five_percent_is_the_budget(run_of_rows(accuracies=arms))
    assert "+5.00 [+5.00, +5.00] points more" in finding.verdict
