"""The claims about texts follow the run."""

import pytest
from made_up_runs import arms_at, run_of_rows

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import text
from influence_bench.reports.claims.paper.rows import OUTLIER

DETECTION = {
    **dict(zip(OUTLIER, (0.8, 0.7, 0.75), strict=True)),
    "outlier-gradient[layers=lora]": 0.65,
    "grad-dot": 0.85,
    "datainf": 0.87,
    "grad-dot[layers=lora]": 0.6,
    "datainf[layers=lora]": 0.62,
    "datainf-paper": 0.2,
    "datainf-paper[layers=lora]": 0.7,
}


@pytest.mark.parametrize(
    ("claim", "difference"),
    [
        (text.outlier_gradients_find_flips_in_texts, 0.25),
        (text.outlier_gradients_find_more_flips_than_influence, 0.8 - 0.61),
        (text.methods_see_other_layers, 0.86 - 0.61),
        (text.influence_on_the_training_rows_has_no_settled_sign, 0.745 - 0.45),
    ],
)
def test_detection_is_judged_by_the_arms_of_the_contrast(claim, difference):
    evidence = claim(run_of_rows(DETECTION))
    assert evidence.differences.mean() == pytest.approx(difference)


def test_the_papers_influence_on_texts_is_given_seed_by_seed():
    evidence = text.influence_on_the_training_rows_has_no_settled_sign(run_of_rows(DETECTION))
    assert "as the paper's code has it 0.199, 0.200, 0.201 (seed by seed" in evidence.figures


def test_trimming_is_that_by_the_forest_over_influence_in_the_adapters_and_over_random_removal():
    arms = arms_at("30%", oga=0.80, l2=0.9, random=0.72, loss=0.95) | arms_at("", none=0.75)
    arms |= {(text.DATAINF, "30%"): 0.75}
    run = run_of_rows(accuracies=arms)
    over_influence = text.trimming_by_the_forest_gives_the_best_accuracy_on_texts(run)
    assert over_influence.differences.tolist() == pytest.approx([0.05] * 3)
    assert text.the_choice_of_the_rows_lifts_accuracy(run).differences.tolist() == pytest.approx([0.08] * 3)
    assert "loss 95.0 %" in over_influence.figures
    lacking = run_of_rows(accuracies=arms_at("30%", oga=0.8) | arms_at("", none=0.75))
    with pytest.raises(Lacking, match=r"^datainf\[layers=lora\]$"):
        text.trimming_by_the_forest_gives_the_best_accuracy_on_texts(lacking)
