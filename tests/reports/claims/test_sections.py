"""Runs judged by the claims of their suites: numbers, order, and what happens where data is lacking."""

import pandas as pd
import pytest
from made_up_runs import MadeUpRun, info
from matplotlib.figure import Figure

import influence_bench as ib
from influence_bench.reports.claims.claim import Evidence, Lacking, claim, confound, picture
from influence_bench.reports.claims.contrast import Contrast
from influence_bench.reports.claims.sections import sections

pytestmark = pytest.mark.usefixtures("own_claims")
RUN = MadeUpRun(record=info("some-suite"))
CONTRAST = Contrast("a", "b", "test accuracy", "seed", margin=0.01, because="of the paper")


def evidence(*differences):
    """Differences of the seeds of a problem."""
    index = pd.MultiIndex.from_product([["p"], range(len(differences))], names=["problem", "seed"])
    return Evidence(pd.Series(differences, index), "43")


def register(function):
    """Register a claim of the suite."""
    function.__doc__ = "Something is so."
    claim("some-suite", "section 1", "42", CONTRAST)(function)


def test_claims_come_before_confounds_and_are_numbered_over_all_runs():
    @confound("some-suite", "its code", "42", CONTRAST)
    def first(run):
        """Something else is so."""
        return evidence(0.01, 0.02, 0.03)

    @claim("some-suite", "section 1", "42", CONTRAST)
    def second(run):
        """Something is so."""
        return evidence(0.01, 0.02, 0.03)

    both = sections([RUN, RUN])
    statements = ["Something is so.", "Confound: something else is so."]
    assert [[tested.claim.statement for tested in section.tested] for section in both] == [statements] * 2
    assert [tested.number for section in both for tested in section.tested] == [1, 2, 3, 4]


def test_a_run_whose_suite_tests_nothing_has_no_section():
    assert sections([RUN, MadeUpRun()]) == []


def test_verdicts_are_adjusted_over_the_claims_of_all_runs():
    def something(run):
        return evidence(0.04, 0.05, 0.06)

    register(something)
    (alone,) = sections([RUN])
    for section in sections([RUN] * 20):
        (tested,) = section.tested
        assert (alone.tested[0].word, tested.word) == ("stands", "cannot be told")
        assert tested.verdict.estimate == alone.tested[0].verdict.estimate


def test_a_section_says_at_which_scale_the_paper_tested_and_at_which_this_run_did():
    def something(run):
        return evidence(0.01, 0.02, 0.03)

    register(something)
    claim("paper-text", "section 1", "42", CONTRAST)(something)
    own, papers = sections([RUN, MadeUpRun(record=info("paper-text"))])
    assert (own.theirs, own.here) == ("not stated", "digits · symmetric 20 % · mlp; 3 seeds")
    assert "RoBERTa-large" in papers.theirs


def test_a_run_that_lacks_rows_says_which():
    def something(run):
        raise Lacking("self-confidence")

    register(something)
    (tested,) = sections([RUN])[0].tested
    assert tested.sentence == (
        "Not tested: this run has no self-confidence; models are retrained by influence-bench trim."
    )


@pytest.mark.parametrize("mistake", [KeyError("self-confidence"), ib.InputError("the scores cannot be read")])
def test_a_mistake_in_a_claim_or_a_damaged_file_is_no_lack_of_data(mistake):
    def something(run):
        raise mistake

    register(something)
    with pytest.raises(type(mistake), match=str(mistake.args[0])):
        sections([RUN])


def test_a_picture_is_left_out_where_its_data_is_lacking_but_its_mistakes_are_not_hidden():
    def something(run):
        return evidence(0.01, 0.02, 0.03)

    @picture("some-suite")
    def drawn(run, width):
        """A picture."""
        return Figure((width, 1))

    @picture("some-suite")
    def lacking(run, width):
        raise Lacking("problem with seed 0")

    register(something)
    (section,) = sections([RUN])
    assert [(drawn.file, drawn.caption) for drawn in section.pictures] == [("some-suite-drawn.svg", "A picture.")]

    @picture("some-suite")
    def mistaken(run, width):
        return {}["no such key"]

    with pytest.raises(KeyError, match="no such key"):
        sections([RUN])
