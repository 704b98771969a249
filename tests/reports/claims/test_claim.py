"""Claims, confounds and pictures register by suite and name."""

import pandas as pd
import pytest

import influence_bench as ib
from influence_bench.reports.claims.claim import CLAIMS, PICTURES, Evidence, claim, confound, picture
from influence_bench.reports.claims.contrast import Contrast

pytestmark = pytest.mark.usefixtures("own_claims")
CONTRAST = Contrast("a", "b", "test accuracy", "seed", margin=0.01, because="of the paper")


def test_a_claim_is_one_decorated_function_whose_docstring_is_the_statement():
    @claim("some-suite", "section 1", "42", CONTRAST)
    def something_is_so(run):
        """Something
        is so."""
        return Evidence(pd.Series([0.43]), "43")

    (entry,) = [entry for entry in CLAIMS.all().values() if entry.suite == "some-suite"]
    assert (entry.key, entry.statement, entry.place, entry.paper, entry.contrast) == (
        "some-suite-something-is-so",
        "Something is so.",
        "section 1",
        "42",
        CONTRAST,
    )
    assert not entry.confound


def test_a_confound_says_that_it_is():
    @confound("some-suite", "its code", "42", CONTRAST)
    def something_else(run):
        """Part of the gain is something else."""

    entry = CLAIMS.find("some-suite-something-else")
    assert entry.confound
    assert entry.statement == "Confound: part of the gain is something else."


def test_a_claim_of_several_suites_has_an_entry_in_each():
    @claim(("one-suite", "another-suite"), "section 1", "42", CONTRAST)
    def something(run):
        """Something is so."""

    assert {"one-suite-something", "another-suite-something"} <= set(CLAIMS.all())


def test_two_modules_cannot_register_one_name_in_one_suite():
    def the_number_of_trees_matters_little(run):
        """It matters."""

    CLAIMS.all()  # the paper's claims are registered from here on
    with pytest.raises(ib.InputError, match=r"'paper-trees-the-number-of-trees-matters-little' of .* is already in"):
        claim("paper-trees", "here", "42", CONTRAST)(the_number_of_trees_matters_little)


def test_a_picture_is_named_after_its_suite_and_function():
    @picture("some-suite")
    def dots(run, width):
        """Dots."""

    assert PICTURES.find("some-suite-dots").text == "Dots."


def test_every_claim_of_the_paper_has_a_place_figures_and_a_statement():
    entries = CLAIMS.all().values()
    assert len(entries) >= 34
    for entry in entries:
        assert entry.place, entry.key
        assert entry.paper, entry.key
        assert entry.contrast.because, entry.key
        assert entry.statement.endswith("."), entry.key
    assert all(entry.text for entry in PICTURES.all().values())
