"""The claims about texts follow the run."""

import pytest
from made_up_runs import arms_at, run_of_rows

from influence_bench.reports.claims.paper import text

TEXT = {"outlier-gradient": 0.8, "grad-dot": 0.85, "datainf": 0.85, "datainf-paper": 0.2}


@pytest.mark.parametrize(
    ("adapters", "sentence"), [(0.6, "Confirmed"), (0.9, "Not confirmed"), (0.85, "Not confirmed")]
)
def test_other_layers_are_a_confound_where_they_alone_move_a_baseline(adapters, sentence):
    run = run_of_rows(TEXT | {f"{row}[layers=lora]": adapters for row in ("outlier-gradient", "grad-dot", "datainf")})
    finding = text.methods_see_other_layers(run)
    assert finding.verdict.startswith(sentence)
    assert "] as compared in the paper, -0.050 [-0.050, -0.050] where both" in finding.ours
    assert f"The forest over DataInf: {0.8 - adapters:+.3f} [" in finding.ours


@pytest.mark.parametrize(("clean", "sentence"), [(0.85, "Confirmed"), (0.1, "Not confirmed")])
def test_the_papers_influence_on_texts_is_given_with_both_signs(clean, sentence):
    rows = {f"{row}{layers}": auc for layers in ("", "[layers=lora]") for row, auc in TEXT.items()}
    rows |= {"datainf": clean, "datainf[layers=lora]": clean}
    arms = {("datainf[layers=lora]", "30%"): 0.8, ("datainf-paper[layers=lora]", "30%"): 0.75}
    finding = text.influence_on_the_training_rows_has_no_settled_sign(run_of_rows(rows, arms))
    assert "as the paper's code has it 0.199, 0.200, 0.201 (seed by seed" in finding.ours
    assert "+5.00 [+5.00, +5.00] points" in finding.ours
    assert finding.verdict.startswith(sentence)
    unsettled = text.influence_on_the_training_rows_has_no_settled_sign(
        run_of_rows(rows | {"datainf-paper": 0.5}, arms)
    )
    assert unsettled.verdict.startswith("Confirmed: which sign finds the flips differs from seed to seed")


def test_texts_are_judged_by_accuracy_and_by_detection():
    arms = arms_at("30%", oga=0.80, loss=0.80, random=0.7, oracle=0.9) | arms_at("", none=0.75)
    finding = text.trimming_by_the_forest_gives_the_best_accuracy_on_texts(run_of_rows(accuracies=arms))
    assert finding.verdict.endswith(
        "cannot be distinguished from loss, the best other row; both are above random removal."
    )
    finding = text.outlier_gradients_find_flips_in_texts(run_of_rows(TEXT | {"grad-dot": 0.9, "random": 0.5}))
    assert finding.verdict == "Stands in part: outlier gradients find flips, but grad-dot finds more."
