"""Runs judged by the claims of their suites: numbers, order, and what happens where data is lacking."""

import pytest
from made_up_runs import MadeUpRun, info
from matplotlib.figure import Figure

import influence_bench as ib
from influence_bench.reports.claims.claim import Finding, Lacking, claim, confound, picture
from influence_bench.reports.claims.sections import sections

pytestmark = pytest.mark.usefixtures("own_claims")
RUN = MadeUpRun(record=info("some-suite"))


def register(function):
    """Register a claim of the suite."""
    function.__doc__ = "Something is so."
    claim("some-suite", "section 1", "42")(function)


def test_claims_come_before_confounds_and_are_numbered_over_all_runs():
    @confound("some-suite", "its code", "42")
    def first(run):
        """Something else is so."""
        return Finding("43", "Confirmed.")

    @claim("some-suite", "section 1", "42")
    def second(run):
        """Something is so."""
        return Finding("43", "Stands.")

    both = sections([RUN, RUN])
    statements = ["Something is so.", "Confound: something else is so."]
    assert [[tested.claim.statement for tested in section.tested] for section in both] == [statements] * 2
    assert [tested.number for section in both for tested in section.tested] == [1, 2, 3, 4]


def test_a_run_whose_suite_tests_nothing_has_no_section():
    assert sections([RUN, MadeUpRun()]) == []


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
        return Finding("43", "Stands.")

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
