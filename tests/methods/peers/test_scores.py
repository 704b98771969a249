"""Each peer's scores against our own method of the same definition; a peer whose package is absent is skipped."""

from pathlib import Path

import numpy as np
import pytest
import torch
from oracle import Oracle, close
from scipy.stats import spearmanr
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.registry.method import METHODS
from influence_bench.methods.gradients.projection import Dense
from influence_bench.methods.gradients.space import gradient_space
from influence_bench.methods.influence.fisher import fisher
from influence_bench.methods.influence.projected import features

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
def test_a_peer_ranks_as_our_method_of_the_same_definition(problem, theirs, ours):
    assert spearmanr(scored(theirs, problem), scored(ours, problem)).statistic >= 0.999


def test_every_peer_is_compared_in_this_file():
    text = Path(__file__).read_text(encoding="utf-8")
    peers = [method.name for method in METHODS.all().values() if method.family == "peer"]
    assert not [name for name in peers if f'"{name}' not in text]
    assert {METHODS.all()[name].package for name in peers} == PACKAGES


@pytest.mark.parametrize("theirs", ["dattri-datainf", "pydvl-datainf"])
def test_datainf_equals_the_peers_with_the_same_damping(problem, theirs):
    name, _ = parsed(theirs)
    squared = gradient_space(problem, "last").train.squared_l2()
    damping = float(0.1 * squared.mean() / gradient_space(problem, "last").size)
    close(ib.score("datainf", problem), ib.score(name, problem, damping=damping), CLOSE)


def test_trak_equals_its_authors_up_to_a_factor_with_the_same_damping(problem):
    name, _ = parsed("traker-trak")
    space = gradient_space(problem, "last")
    square = features(space.train, Dense(512)).double().square().sum() / space.size
    theirs = ib.score(name, problem, damping=float(0.1 * square / space.size))  # of gradients divided by √p
    ours = ib.score("trak", problem)
    close(ours, theirs * np.linalg.norm(ours) / np.linalg.norm(theirs), 1e-4)


def test_dattris_lissa_comes_near_the_exact_influence_after_enough_steps(problem):
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


def test_pydvls_ekfac_is_ours_with_another_loss_for_its_curvature(problem, monkeypatch):
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
