"""The claims about prompts and answers follow the run."""

import numpy as np
import pytest
from made_up_runs import MadeUpRun, run_of_rows

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import generation


def prompts(theirs, given, ours=0.6, alone=0.7, dot=0.7):
    rows = (
        dict.fromkeys(generation.ALONE, alone)
        | dict.fromkeys(generation.GIVEN_CLASSES, given)
        | {"pairwise-random": 0.5}
    )
    rows |= {generation.THEIRS: theirs, generation.OURS: ours, generation.TRACING: dot}
    return run_of_rows(rows, dataset="math-with-reasoning")


def test_influential_prompts_are_judged_as_the_paper_does_and_with_the_classes_given_to_all():
    finding = generation.outlier_gradients_tell_where_answers_come_from(prompts(0.9, 0.95))
    assert finding.verdict.startswith(
        "Stands as the paper compares: by its protocol outlier gradients are 0.200 of AUC"
    )
    assert f"math-with-reasoning: {generation.THEIRS} 0.900 / 0.900" in finding.ours
    for given, sentence in ((0.95, "Confirmed"), (0.9, "Confirmed"), (0.8, "Not the whole of it")):
        finding = generation.the_classes_that_are_asked_for_are_given(prompts(0.9, given))
        assert finding.verdict.startswith(sentence)
        assert f"The classes are worth {given - 0.7:+.3f}" in finding.ours


@pytest.mark.parametrize(("ours", "sentence"), [(0.8, "Stands"), (0.6, "Does not stand"), (0.7, "Undecided")])
def test_without_the_classes_outlier_gradients_are_judged_against_rows_without_them(ours, sentence):
    assert generation.forests_of_clusters_do_without_the_classes(prompts(1, 1, ours)).verdict.startswith(sentence)


@pytest.mark.parametrize(
    ("dot", "sentence"), [(0.6, "Stands"), (0.8, "Does not stand"), (0.7, "Cannot be distinguished")]
)
def test_datainf_is_judged_against_gradient_tracing_on_mathematics(dot, sentence):
    finding = generation.the_inverse_curvature_is_what_tracing_lacks(prompts(1, 1, dot=dot))
    assert finding.verdict.startswith(sentence)
    assert "over DataInf: +0.000 [+0.000, +0.000]" in finding.ours


def test_heat_maps_show_the_mean_of_each_pair_of_classes_on_both_widths():
    train, test = np.array([0, 0, 1, 2, 2, 2]), np.array([2, 0, 1, 1])
    same = train[:, None] == test
    influence = np.random.default_rng(0).normal(size=same.shape)
    standard = (influence - influence.mean(0)) / influence.std(0)
    means = generation.class_means(influence, same)
    own = [standard[train == kind][:, test == kind].mean() for kind in range(3)]
    assert sorted(np.diag(means)) == pytest.approx(sorted(own))
    scores = dict.fromkeys((generation.TRACING, generation.DATAINF, generation.THEIRS), influence)
    slugs = [f"{dataset}-seed{seed}" for dataset in ("maths", "words") for seed in (0, 1)]
    run = MadeUpRun(scores_of=dict.fromkeys(slugs, scores), truths=dict.fromkeys(slugs, same))
    for width in (3.3, 7.8):
        assert len(generation.heat_maps(run, width).axes) == 3 * 2 + 1
    with pytest.raises(Lacking, match="finished cells"):
        generation.heat_maps(MadeUpRun(), 3.3)


def test_a_claim_about_mathematics_needs_datasets_of_it():
    rows = dict.fromkeys((generation.TRACING, generation.DATAINF, generation.COSINE), 0.7)
    with pytest.raises(Lacking, match="problem of math-without-reasoning or math-with-reasoning"):
        generation.the_inverse_curvature_is_what_tracing_lacks(run_of_rows(rows, dataset="mathematicians"))
