"""The claims about human label noise follow the run."""

import pytest
from made_up_runs import arms_at, run_of_rows

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import vision
from influence_bench.reports.claims.paper.rows import OUTLIER


@pytest.mark.parametrize(
    ("oga", "loss", "rand", "sentence"),
    [
        (0.85, 0.80, 0.7, "Stands: outlier-gradient is above the best other row, loss."),
        (0.75, 0.80, 0.7, "Does not stand: loss is above outlier-gradient."),
        (0.80, 0.80, 0.8, "nor from removing as many rows at random."),
        (0.80, 0.80, 0.7, "both are above random removal."),
    ],
)
def test_trimming_is_judged_against_the_best_other_row_and_random_removal(oga, loss, rand, sentence):
    arms = arms_at("5%", oga=oga, loss=loss, random=rand, oracle=0.99) | arms_at("", none=0.78, unshuffled=0.7)
    finding = vision.trimming_by_outlier_gradients_gives_the_best_accuracy(run_of_rows(accuracies=arms))
    assert finding.verdict.endswith(sentence)
    assert f"none {100 * (0.78 - rand):+.2f}" in finding.ours


def test_detection_and_checkpoints_are_judged_by_paired_differences():
    others = ("self-confidence", "grad-dot", "datainf", "lissa", "trak")
    rows = dict.fromkeys(OUTLIER, 0.8) | dict.fromkeys(others, 0.6) | {"loss": 0.85, "random": 0.5}
    finding = vision.outlier_gradients_find_human_label_noise(run_of_rows(rows))
    assert (
        finding.verdict == "Stands in part: outlier gradients find wrong labels well above chance, but loss finds more."
    )
    assert "outlier-gradient over loss -0.050 [-0.050, -0.050]" in finding.ours
    more = {"outlier-gradient[checkpoints=all]": 0.9, "el2n": 0.8, "el2n[checkpoints=all]": 0.8, "cartography": 0.8}
    finding = vision.gradients_of_the_last_checkpoint_are_enough(run_of_rows(rows | more | {"aum": 0.8}))
    assert finding.verdict == "Does not stand: over all checkpoints the same forest has a ROC-AUC 0.100 higher."


def test_what_is_trimmed_is_judged_by_the_wrong_labels_among_it():
    arms = arms_at("5%", oga=0.8, loss=0.8, random=0.8, oracle=0.8)
    run = run_of_rows(accuracies=arms, wrong={OUTLIER[0]: 0.4, "loss": 0.4, "random": 0.1, "oracle": 0.97})
    finding = vision.what_is_trimmed_is_wrong(run)
    assert "oracle 98.0 %" in finding.ours
    assert finding.verdict == "In part: outlier-gradient removes wrong labels, loss as many."


def test_a_run_without_the_rows_of_a_claim_lacks_them_by_name():
    with pytest.raises(Lacking, match="models retrained without 5% of the rows"):
        vision.what_is_trimmed_is_wrong(run_of_rows())
    with pytest.raises(Lacking, match="outlier-gradient"):
        vision.outlier_gradients_find_human_label_noise(run_of_rows({"loss": 0.8}))
    with pytest.raises(Lacking, match=r"^outlier-gradient\[checkpoints=all\], el2n, "):
        vision.gradients_of_the_last_checkpoint_are_enough(run_of_rows(dict.fromkeys(OUTLIER, 0.8)))
