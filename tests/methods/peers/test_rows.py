"""Other libraries' rows on the board: each against our row of the same definition; absent libraries are no error."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
import torch
from oracle import Oracle, close
from scipy.stats import spearmanr
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench import fingerprint
from influence_bench.bench.catalogue import lists as catalogue
from influence_bench.bench.registry.method import METHODS
from influence_bench.bench.results import run as results
from influence_bench.bench.run import cell, suite
from influence_bench.methods.gradients.projection import Dense
from influence_bench.methods.gradients.space import gradient_space
from influence_bench.methods.influence.fisher import fisher
from influence_bench.methods.influence.projected import features
from influence_bench.reports.leaderboard.headline import not_installed

PACKAGES = {"captum", "dattri", "kronfluence", "pyDVL", "pyDVL[influence]", "traker"}
SAME = [
    ("captum-tracin", "tracin"),
    ("captum-tracin[layers=all]", "tracin[layers=all]"),
    ("captum-tracin-self", "tracin-self"),
    ("captum-arnoldi", "arnoldi"),
    ("captum-arnoldi-self", "arnoldi-self"),
    ("kronfluence-ekfac", "ekfac"),
    ("kronfluence-ekfac-self", "ekfac-self"),
    ("kronfluence-ekfac-self[labels=given,layers=all]", "ekfac-self[labels=given,layers=all]"),
    ("kronfluence-kfac", "kfac"),
    ("dattri-tracin", "tracin"),
    ("dattri-tracin[layers=all]", "tracin[layers=all]"),
    ("dattri-influence-exact", "influence-exact"),
    ("dattri-influence-cg", "influence-cg"),
    ("dattri-arnoldi", "arnoldi[rank=10]"),
    ("dattri-trak[damping=0.000001]", "trak[damping=0.000001]"),  # a square projection, which the inverse undoes
    ("pydvl-influence-exact", "influence-exact"),
    ("pydvl-influence-cg", "influence-cg"),
    ("pydvl-arnoldi", "arnoldi[rank=10]"),
    ("pydvl-knn-shapley", "knn-shapley"),
]
CLOSE = 1e-5
pytestmark = pytest.mark.usefixtures("small_heap")


@pytest.fixture(scope="module")
def problem():
    return Oracle(torch.float32).problem


def scored(row, problem):
    name, given = parsed(row)
    return ib.score(name, problem, **given)


def parsed(row):
    if not METHODS.all()[row.partition("[")[0]].installed:
        pytest.skip(f"the package of {row} is not installed")
    method, given = METHODS.parse(row)
    return method.name, given


@pytest.mark.parametrize(("theirs", "ours"), SAME)
def test_a_peers_row_is_ours_of_the_same_definition(problem, theirs, ours):
    assert spearmanr(scored(theirs, problem), scored(ours, problem)).statistic >= 0.999


def test_every_peer_is_held_against_ours_here():
    text = Path(__file__).read_text()
    peers = [one.name for one in METHODS.all().values() if one.family == "peer"]
    assert not [name for name in peers if f'"{name}' not in text]
    assert {METHODS.all()[name].package for name in peers} == PACKAGES


@pytest.mark.parametrize("theirs", ["dattri-datainf", "pydvl-datainf"])
def test_datainf_is_theirs_with_the_same_damping(problem, theirs):
    name, _ = parsed(theirs)
    squared = gradient_space(problem, "last").train.squared_l2()
    damping = float(0.1 * squared.mean() / gradient_space(problem, "last").size)
    close(ib.score("datainf", problem), ib.score(name, problem, damping=damping), CLOSE)


def test_trak_is_its_authors_up_to_a_factor_with_the_same_damping(problem):
    name, _ = parsed("traker-trak")
    space = gradient_space(problem, "last")
    square = features(space.train, Dense(512)).double().square().sum() / space.size
    theirs = ib.score(name, problem, damping=float(0.1 * square / space.size))  # of gradients divided by √p
    ours = ib.score("trak", problem)
    close(ours, theirs * np.linalg.norm(ours) / np.linalg.norm(theirs), 1e-4)


def test_dattris_lissa_is_the_series_it_breaks_off(problem):
    name, _ = parsed("dattri-lissa")
    given = {"damping": 1.0, "scale": 5.0, "steps": 40, "samples_per_step": len(problem.train)}
    close(ib.score("influence-exact", problem, damping=1.0), ib.score(name, problem, **given), 1e-3)


def test_captums_fast_tracing_leaves_out_the_bias(problem):
    theirs = scored("captum-tracin-fast", problem)
    assert spearmanr(theirs, scored("tracin-self", problem)).statistic < 0.99
    total = np.zeros(len(problem.train))
    for checkpoint in problem.checkpoints:
        space = gradient_space(problem, "last", checkpoint)
        weight = space.train.matrix()[:, slice(*next(iter(space.spans.values())))]
        total += checkpoint.learning_rate * weight.double().square().sum(1).numpy()
    close(theirs, total, CLOSE)


def test_pydvls_ekfac_is_ours_but_for_the_loss_of_its_curvature(problem, monkeypatch):
    name, _ = parsed("pydvl-ekfac")
    from pydvl.influence.torch import influence_function_model as module

    ours = ib.score("ekfac", problem, labels="given")
    space = gradient_space(problem, "last")
    (eigenvalues,) = fisher(problem, [space], "ekfac", "given").eigenvalues.values()
    damping = float(0.1 * eigenvalues.mean())
    assert spearmanr(ib.score(name, problem, damping=damping), ours).statistic < 0.9
    true_loss = lambda outputs, *_: F.cross_entropy(outputs, problem.train.y, reduction="sum")  # noqa: E731
    monkeypatch.setattr(module, "empirical_cross_entropy_loss_fn", true_loss)
    close(ours, ib.score(name, problem, damping=damping), CLOSE)


@pytest.fixture
def absent(monkeypatch):
    """As where none of the packages is installed."""
    monkeypatch.setattr(fingerprint, "installed", lambda package: None)


def board(*methods):
    one = suite.ProblemSpec("blobs", "logistic", "symmetric", 0.1)
    return suite.Suite("mine", "Mine", (one,), methods, seeds=1)


@pytest.mark.usefixtures("absent")
def test_an_absent_package_is_listed_and_passed_over_by_a_star_and_told_of_by_name():
    listed = catalogue.methods().set_index("method")["package"]
    assert listed["captum-tracin"] == "captum: not installed"
    assert listed["tracin"] == ""
    starred = board("loss", "captum-*", "pydvl-knn*")
    assert [one.label for one in starred.cells()] == ["loss"]
    assert starred.not_installed()["pyDVL"] == ["pydvl-knn-shapley"]
    assert "captum-arnoldi" in starred.not_installed()["captum"]
    assert not board("loss", "captum-*", "!captum-*").not_installed()
    said = "captum-tracin needs captum, which is not installed: pip install captum$"
    for ask in (board("captum-tracin").cells, lambda: METHODS.parse("aggregate[rows=loss+captum-tracin]")):
        with pytest.raises(ib.InputError, match=said):
            ask()


@pytest.mark.usefixtures("absent")
def test_a_run_and_its_report_name_what_was_left_out():
    left_out = board("loss", "random", "traker-*", "pydvl-knn*").not_installed()
    assert left_out == {"traker": ["traker-trak"], "pyDVL": ["pydvl-knn-shapley"]}
    said = "Not installed, and so not on the board: traker (traker-trak); pyDVL (pydvl-knn-shapley)."
    assert not_installed([{"not_installed": left_out}]) == [said]
    assert not_installed([{"title": "made before"}]) == []


def test_a_cell_depends_on_the_versions_of_the_packages_that_it_uses(tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "installed", lambda package: "1.2")
    run = results.Run(tmp_path)
    cells = {one.label: one for one in board("loss", "cleanlab", "outlier-gradient[detector=knn]").cells()}
    run.write_problem(cells["loss"].problem, {"folder": "somewhere"}, {})
    used = {name: cell.dependencies(run, one) for name, one in cells.items()}
    assert used["cleanlab"]["version of cleanlab"] == "1.2"
    assert used["outlier-gradient[detector=knn]"]["version of pyod"] == "1.2"
    assert not {"version of cleanlab", "version of pyod"} & used["loss"].keys()


def test_a_package_is_there_if_what_its_extra_needs_is_there(monkeypatch):
    there = {"whole": "1.0", "part": "2.0"}
    lines = {"whole": ["part; extra == 'some'", "other; extra == 'all'", "part"], "part": []}

    def version(name):
        if name not in there:
            raise PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(fingerprint, "version", version)
    monkeypatch.setattr(fingerprint, "requires", lines.get)
    found = {name: fingerprint.installed(name) for name in ("whole", "whole[some]", "whole[all]", "gone")}
    assert found == {"whole": "1.0", "whole[some]": "1.0", "whole[all]": None, "gone": None}
