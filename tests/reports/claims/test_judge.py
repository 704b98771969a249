"""Verdicts follow from estimates: their errors are as rare as they say, and visible differences are seen."""

import gc
from math import log, nan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influence_bench.bench.errors import InputError
from influence_bench.reports.claims.contrast import AUC, FACTOR, Contrast
from influence_bench.reports.claims.judge import FALLS, OPEN, STANDS, judged
from influence_bench.reports.statistics.estimates import Estimate, estimate

PAGES, CLAIMS = 300, 8
MEANS = st.floats(-1, 1)
ERRORS = st.floats(0.001, 1)
FREEDOMS = st.integers(1, 60)
ESTIMATES = st.builds(Estimate, MEANS, ERRORS, FREEDOMS)


@pytest.fixture(scope="module", autouse=True)
def few_objects_to_collect():
    """Statsmodels collects garbage at every adjustment, which takes half a second in a process that holds much else."""
    gc.freeze()
    yield
    gc.unfreeze()


def contrast(margin=0.1, **changes):
    return Contrast("a", "b", "ROC-AUC", "seed", margin=margin, because="of the paper", unit=AUC, **changes)


def pages(true, seeds, rng):
    """Pages of estimates from seeds with a standard deviation of 1, whose true differences are these."""
    for values in rng.normal(np.full(CLAIMS, true), 1, (PAGES, seeds, CLAIMS)):
        errors = values.std(0, ddof=1) / np.sqrt(seeds)
        yield [Estimate(*drawn, seeds - 1) for drawn in zip(values.mean(0).tolist(), errors.tolist(), strict=True)]


def pages_with(true, seeds, **changes):
    """For each word, the share of pages with at least one such verdict."""
    rng = np.random.default_rng(0)
    asked = [[(contrast(**changes), drawn) for drawn in page] for page in pages(true, seeds, rng)]
    words = [{verdict.word for verdict in judged(page)} for page in asked]
    return {word: np.mean([word in page for page in words]) for word in (STANDS, FALLS, OPEN)}


@pytest.mark.parametrize("seeds", [3, 20])
def test_pure_noise_lets_a_claim_stand_on_at_most_5_percent_of_pages(seeds):
    assert pages_with(true=0, seeds=seeds)[STANDS] <= 0.05


@pytest.mark.parametrize("seeds", [3, 20])
def test_a_difference_that_counts_falls_on_at_most_5_percent_of_pages(seeds):
    assert pages_with(true=0.5, seeds=seeds, margin=0.5)[FALLS] <= 0.05


@pytest.mark.parametrize("seeds", [3, 20])
def test_arms_that_differ_by_the_margin_are_neither_alike_nor_different_on_95_percent_of_pages(seeds):
    shares = pages_with(true=0.5, seeds=seeds, margin=0.5, alike=True)
    assert max(shares[STANDS], shares[FALLS]) <= 0.05


def test_the_smallest_visible_difference_is_shown_by_80_percent_of_pages_and_twice_of_it_by_all():
    seeds, rng = 20, np.random.default_rng(0)
    visible = judged([(contrast(), Estimate(0, 1 / np.sqrt(seeds), seeds - 1))] * CLAIMS)[0].visible
    for true, least, most in ((visible, 0.75, 0.88), (2 * visible, 0.99, 1)):
        first = [
            judged([(contrast(), drawn) for drawn in page])[0].word
            for page in pages([true, *[0] * (CLAIMS - 1)], seeds, rng)
        ]
        assert least <= np.mean([word == STANDS for word in first]) <= most


def test_verdicts_follow_from_both_bounds():
    def word(mean, error, **changes):
        return judged([(contrast(**changes), Estimate(mean, error, 10))])[0].word

    assert word(0.5, 0.01) == STANDS
    assert word(-0.5, 0.01) == FALLS
    assert word(0.0, 0.01) == FALLS  # alike to within the margin
    assert word(0.05, 0.001) == FALLS  # above zero, yet of no account
    assert word(0.1, 0.2) == OPEN
    assert word(0.3, 0.01, least=0.2) == STANDS
    assert word(0.15, 0.01, least=0.2, margin=0.2) == FALLS
    assert word(0.0, 0.01, alike=True) == STANDS
    assert word(0.5, 0.01, alike=True) == word(-0.5, 0.01, alike=True) == FALLS
    assert word(0.0, 0.2, alike=True) == OPEN


def test_sentences_name_what_was_shown_or_what_could_have_been():
    def sentence(mean, error, **changes):
        return judged([(contrast(**changes), Estimate(mean, error, 10))])[0].sentence

    assert sentence(0.5, 0.01) == "Stands: the difference is shown to be above 0."
    assert sentence(-0.5, 0.01) == "Falls: the difference is shown to be below 0."
    assert sentence(0.0, 0.01).startswith("Falls: the difference is shown to be below the margin of 0.100")
    assert sentence(0.0, 0.01, alike=True).endswith("to lie within the margin of ±0.100.")
    assert sentence(0.5, 0.01, alike=True).endswith("to lie beyond the margin of ±0.100.")
    assert sentence(0.0, 0.2).startswith("Cannot be told: at 80 % power these seeds show a difference of 0.621")
    assert sentence(0.5, nan) == "Cannot be told: a single seed does not show the spread."


@given(ESTIMATES, st.floats(0.01, 1))
def test_a_claim_that_stands_falls_with_its_arms_swapped(drawn, margin):
    swapped = Estimate(-drawn.mean, drawn.error, drawn.freedom)
    verdict, other = judged([(contrast(margin), drawn)])[0], judged([(contrast(margin), swapped)])[0]
    assert verdict.word != STANDS or other.word == FALLS


@given(ESTIMATES, st.floats(0.01, 1))
def test_whether_arms_are_alike_does_not_depend_on_their_order(drawn, margin):
    swapped = Estimate(-drawn.mean, drawn.error, drawn.freedom)
    both = [judged([(contrast(margin, alike=True), each)])[0] for each in (drawn, swapped)]
    assert both[0].word == both[1].word
    assert both[0].p == pytest.approx(both[1].p)


@given(st.lists(ESTIMATES, min_size=1, max_size=6), ESTIMATES)
def test_another_claim_makes_no_p_smaller_and_order_does_not_matter(page, another):
    alone = judged([(contrast(), drawn) for drawn in page])
    more = judged([(contrast(), drawn) for drawn in [another, *page]])[1:]
    assert all(after.p >= before.p - 1e-12 for before, after in zip(alone, more, strict=True))
    backward = judged([(contrast(), drawn) for drawn in page[::-1]])[::-1]
    assert [verdict.word for verdict in backward] == [verdict.word for verdict in alone]


def test_a_claim_with_a_single_seed_cannot_be_told_and_takes_nothing_but_its_place_from_the_others():
    single = estimate(pd.Series([0.5], pd.MultiIndex.from_tuples([("p", 0)], names=["problem", "seed"])))
    first, second = judged([(contrast(), single), (contrast(), Estimate(0.5, 0.01, 10))])
    assert (first.word, first.difference, first.seen, first.chance) == (OPEN, "+0.500", "–", "–")
    assert second.word == STANDS


def test_a_page_without_claims_has_no_verdicts():
    assert judged([]) == []


def test_factors_are_judged_as_logarithms_and_printed_as_factors():
    slower = Contrast("a", "b", "seconds", "seed", margin=log(10), because="of tens", least=log(10), unit=FACTOR)
    (verdict,) = judged([(slower, Estimate(log(20), 0.05, 10))])
    assert verdict.difference == "20× [17.9×, 22.4×]"
    assert verdict.sentence == "Stands: the difference is shown to be above 10×."
    assert slower.words == "a, over b: seconds (factor)"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"margin": 0.0}, "the margin of a contrast is 0.0: give a positive number"),
        ({"margin": nan}, "the margin of a contrast is nan"),
        ({"least": -1.0}, "the least difference of a contrast is -1.0: give at least 0"),
        ({"unit": "miles"}, "a contrast cannot be in miles: give one of points, ROC-AUC"),
    ],
)
def test_a_contrast_without_a_margin_or_in_an_unknown_unit_is_refused(changes, message):
    known = {"margin": 0.1, "because": "of the paper"}
    with pytest.raises(InputError, match=message):
        Contrast("a", "b", "ROC-AUC", "seed", **known | changes)
