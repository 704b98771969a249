"""The claims about prompts and answers follow the run."""

import numpy as np
import pandas as pd
import pytest
from judging import noisy, word, words
from made_up_runs import MadeUpRun, run_of_rows

from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.judge import FALLS, STANDS
from influence_bench.reports.claims.paper import generation

MATHS = (generation.datainf_identifies_mathematics, generation.the_inverse_curvature_is_what_tracing_lacks)


def prompts(theirs=0.7, given=0.7, ours=0.7, datainf=0.7, tracing=0.7, cosine=0.7):
    """A run of prompts of mathematics with these AUCs."""
    rows = dict.fromkeys(generation.ALONE, 0.7) | dict.fromkeys(generation.GIVEN_CLASSES, given)
    rows |= {"pairwise-random": 0.5, generation.THEIRS: theirs, generation.OURS: ours}
    rows |= {generation.DATAINF: datainf, generation.TRACING: tracing, generation.COSINE: cosine}
    return run_of_rows(rows, dataset="math-with-reasoning")


@pytest.mark.parametrize(("theirs", "expected"), [(0.9, STANDS), (0.7, FALLS), (0.5, FALLS)])
def test_influential_prompts_are_judged_as_the_paper_does(theirs, expected):
    claimed = generation.outlier_gradients_tell_where_answers_come_from
    assert word(claimed, prompts(theirs)) == expected
    assert f"AUC: math-with-reasoning: {generation.THEIRS} {theirs:.3f}" in claimed(prompts(theirs)).figures
    assert f"Recall: math-with-reasoning: {generation.THEIRS} {theirs:.3f}" in claimed(prompts(theirs)).figures


@pytest.mark.parametrize(("ours", "expected"), [(0.8, STANDS), (0.69, STANDS), (0.6, FALLS)])
def test_without_the_classes_outlier_gradients_are_judged_against_datainf_without_them(ours, expected):
    assert word(generation.forests_of_clusters_do_without_the_classes, prompts(ours=ours)) == expected


@pytest.mark.parametrize(("given", "expected"), [(0.9, STANDS), (0.7, FALLS), (0.6, FALLS)])
def test_the_classes_are_a_confound_where_they_are_worth_something_to_datainf(given, expected):
    assert word(generation.the_classes_that_are_asked_for_are_given, prompts(given=given)) == expected


@pytest.mark.parametrize(("given", "expected"), [(0.95, STANDS), (0.89, STANDS), (0.8, FALLS)])
def test_given_the_classes_datainf_does_as_well_where_it_is_not_below(given, expected):
    claimed, run = generation.given_the_classes_datainf_does_as_well, prompts(theirs=0.9, given=given)
    assert word(claimed, run) == expected
    assert f"{generation.GIVEN} {given:.3f}, {generation.THEIRS} 0.900" in claimed(run).figures


def test_the_mean_over_tasks_is_judged_and_each_task_shown():
    tasks = [("a", 0.95, 0.9), ("b", 0.7, 0.9), ("c", 0.92, 0.9)]
    runs = [
        run_of_rows({generation.GIVEN: given, generation.THEIRS: theirs}, dataset=task) for task, given, theirs in tasks
    ]
    run = MadeUpRun(table=pd.concat([run.table for run in runs]))
    claimed = generation.given_the_classes_datainf_does_as_well
    assert word(claimed, run) == FALLS
    assert f"b: {generation.GIVEN} 0.700, {generation.THEIRS} 0.900" in claimed(run).figures


@pytest.mark.parametrize(("datainf", "expected"), [(0.99, STANDS), (0.75, FALLS), (0.6, FALLS)])
def test_datainf_identifies_mathematics_where_it_leads_tracing_by_half_the_papers_gap(datainf, expected):
    assert word(generation.datainf_identifies_mathematics, prompts(datainf=datainf)) == expected


@pytest.mark.parametrize(("cosine", "expected"), [(0.6, STANDS), (0.7, FALLS), (0.8, FALLS)])
def test_tracing_lacks_the_curvature_where_the_cosine_lags_too(cosine, expected):
    assert word(generation.the_inverse_curvature_is_what_tracing_lacks, prompts(cosine=cosine)) == expected


@pytest.mark.parametrize(
    ("claimed", "truth", "wrong"),
    [
        (generation.datainf_identifies_mathematics, prompts(datainf=0.7 + generation.HALF_THE_GAP), {STANDS, FALLS}),
        (
            generation.given_the_classes_datainf_does_as_well,
            prompts(theirs=0.7 + generation.IDENTIFIED),
            {STANDS, FALLS},
        ),
        (generation.the_inverse_curvature_is_what_tracing_lacks, prompts(), {STANDS}),
        (generation.the_inverse_curvature_is_what_tracing_lacks, prompts(datainf=0.7 + generation.IDENTIFIED), {FALLS}),
    ],
)
def test_at_their_bounds_claims_cannot_be_told(claimed, truth, wrong):
    rng = np.random.default_rng(1)
    assert not wrong & words(claimed, [noisy(truth, rng) for _ in range(10)])


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


@pytest.mark.parametrize("claimed", MATHS)
def test_a_claim_about_mathematics_needs_datasets_of_it(claimed):
    rows = dict.fromkeys((generation.TRACING, generation.DATAINF, generation.COSINE), 0.7)
    with pytest.raises(Lacking, match="problem of math-without-reasoning or math-with-reasoning"):
        claimed(run_of_rows(rows, dataset="mathematicians"))
