"""Peers and other methods whose optional package is absent: listed, left out of a star, refused by name."""

from importlib.metadata import PackageNotFoundError

import pytest

import influence_bench as ib
from influence_bench.bench import fingerprint
from influence_bench.bench.catalogue import lists as catalogue
from influence_bench.bench.registry.method import METHODS
from influence_bench.bench.results import run as results
from influence_bench.bench.results.records import ProblemRecord
from influence_bench.bench.run import record, suite
from influence_bench.reports.leaderboard.headline import not_installed


@pytest.fixture
def absent(monkeypatch):
    """No optional package is installed."""
    monkeypatch.setattr(fingerprint, "installed", lambda package: None)


def own_suite(*methods):
    spec = suite.ProblemSpec("blobs", "logistic", "symmetric", 0.1)
    return suite.Suite("mine", "Mine", (spec,), methods, seeds=1)


@pytest.mark.usefixtures("absent")
def test_a_method_without_its_package_is_listed_left_out_of_a_star_and_refused_by_name():
    listed = catalogue.methods().set_index("method")["package"]
    assert listed["captum-tracin"] == "captum: not installed"
    assert listed["tracin"] == ""
    starred = own_suite("loss", "captum-*", "pydvl-knn*")
    assert [cell.label for cell in starred.cells()] == ["loss"]
    assert starred.not_installed()["pyDVL"] == ["pydvl-knn-shapley"]
    assert "captum-arnoldi" in starred.not_installed()["captum"]
    assert not own_suite("loss", "captum-*", "!captum-*").not_installed()
    message = "captum-tracin needs captum, which is not installed: pip install captum$"
    for ask in (own_suite("captum-tracin").cells, lambda: METHODS.parse("aggregate[rows=loss+captum-tracin]")):
        with pytest.raises(ib.InputError, match=message):
            ask()


@pytest.mark.usefixtures("absent")
def test_a_run_and_its_report_name_what_was_left_out():
    left_out = own_suite("loss", "random", "traker-*", "pydvl-knn*").not_installed()
    assert left_out == {"traker": ["traker-trak"], "pyDVL": ["pydvl-knn-shapley"]}
    sentence = "Not installed, and so not on the board: traker (traker-trak); pyDVL (pydvl-knn-shapley)."
    assert not_installed([left_out]) == [sentence]
    assert not_installed([{}]) == []


def test_a_cell_depends_on_the_versions_of_the_packages_that_it_uses(tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "installed", lambda package: "1.2")
    run = results.Run(tmp_path)
    cells = {cell.label: cell for cell in own_suite("loss", "cleanlab", "outlier-gradient[detector=knn]").cells()}
    run.write_problem(ProblemRecord(cells["loss"].problem, 0.1, 100, 6, 0.9, "somewhere", {}), {})
    used = {label: record.outline(run, cell).depends_on for label, cell in cells.items()}
    assert used["cleanlab"]["version of cleanlab"] == "1.2"
    assert used["outlier-gradient[detector=knn]"]["version of pyod"] == "1.2"
    assert not {"version of cleanlab", "version of pyod"} & used["loss"].keys()


def test_an_extra_is_installed_if_its_own_requirements_are(monkeypatch):
    versions = {"whole": "1.0", "part": "2.0"}
    lines = {"whole": ["part; extra == 'some'", "other; extra == 'all'", "part"], "part": []}

    def version(name):
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(fingerprint, "version", version)
    monkeypatch.setattr(fingerprint, "requires", lines.get)
    installed = {name: fingerprint.installed(name) for name in ("whole", "whole[some]", "whole[all]", "gone")}
    assert installed == {"whole": "1.0", "whole[some]": "1.0", "whole[all]": None, "gone": None}
