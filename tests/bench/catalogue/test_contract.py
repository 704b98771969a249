"""Every registered method passes the contract by being registered, and the contract catches methods that break it."""

import sys
from contextlib import suppress

import numpy as np
import pytest
import torch

import influence_bench as ib
from influence_bench.bench.catalogue import contract
from influence_bench.bench.registry.arguments import bracketed
from influence_bench.bench.registry.method import METHODS, find_method

VARIANTS = [
    "outlier-gradient[detector=l1]",
    "outlier-gradient[detector=l2]",
    "outlier-gradient[layers=all]",
    "outlier-gradient[checkpoints=all]",
    "outlier-gradient[detector=ecod,layers=all]",
    "outlier-gradient[detector=hbos]",
    "outlier-gradient[detector=knn]",
    "outlier-gradient[detector=loda]",
    "outlier-gradient-paper[detector=l2]",
    "sever[layers=all]",
    "aggregate[rows=el2n[checkpoints=all]+datainf,rule=vote]",
    "el2n[checkpoints=all]",
    "grand[checkpoints=all]",
    "tracin[layers=all]",
    "lissa[damping=0.5,layers=all]",
    "datainf[layers=all]",
    "datainf-self[layers=all]",
    "influence-exact[curvature=ggn,layers=all]",
    "influence-self[curvature=ggn]",
    "pairwise-datainf[layers=all]",
    "pairwise-datainf[pooled=groups]",
    "ekfac[layers=all]",
    "kfac[labels=given,layers=all]",
    "relatif[relative_to=parameters,curvature=kfac,layers=all]",
    "arnoldi[curvature=ggn,layers=all,rank=10,steps=20]",
    "source[curvature=kfac,layers=all]",
    "ekfac-self[labels=given,layers=all]",
    "trak[checkpoints=all,layers=all]",
    "trak-self[k=20]",
    "logra[layers=all,side=3]",
    "logra-self[layers=all]",
    "gas[against=classes]",
    "datainf[against=classes]",
    "influence-cg[against=classes]",
    "influence-cg[curvature=ggn,layers=all]",
    "ekfac[against=classes,layers=all]",
    "tracin[against=training]",
    "ekfac[against=training]",
    "cleanlab[quality=normalized_margin]",
    "cleanlab[quality=confidence_weighted_entropy]",
    "tmc-shapley[utility=accuracy]",
    "lava[converged=true]",
]

BITWISE = contract.repeats_under_a_seed, contract.needs_no_more_than_it_declares


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("row", [*METHODS.all(), *VARIANTS])
def test_registered_method(row, check, small_heap):
    name, _ = bracketed(row, "method")
    if not find_method(name).installed:
        pytest.skip(f"{find_method(name).package} is not installed")
    if check in BITWISE and name == "pydvl-arnoldi":
        pytest.skip("pyDVL leaves SciPy's eigsh to start from a vector of its own: the same scores but for rounding")
    method, given = METHODS.parse(row)
    check(method.name, given)


@pytest.fixture
def cheat(own_methods):
    """Register a function as a method, which is forgotten after the test."""

    def register(function, **declared):
        ib.method(family="cheat", paper="none", **declared)(function)
        return function

    return register


def good(problem):
    return ib.score("loss", problem)


def test_a_third_party_method_passes_on_its_own(cheat):
    ib.check_method(cheat(good))
    ib.check_method(cheat(counts_classes, classes=True))


def upside_down(problem):
    return -ib.score("loss", problem)


def forgetful(problem):
    return ib.score("loss", problem) + 1e-3 * np.random.rand(len(problem.train))


def by_position(problem):
    return ib.score("loss", problem) + np.arange(len(problem.train))


def by_batch(problem):
    return ib.score("loss", problem) + (np.arange(len(problem.train)) % problem.batch_size)


def too_few(problem):
    return ib.score("loss", problem)[1:]


def not_a_number(problem):
    return np.full(len(problem.train), np.nan)


def heavy_handed(problem):
    next(problem.model.parameters()).data += 1
    return ib.score("loss", problem)


def stays_in_evaluation_mode(problem):
    problem.model.eval()
    return ib.score("loss", problem)


def peeks(problem):
    ib.datasets  # noqa: B018
    from influence_bench.datasets import dataset

    dataset.load("digits", noise="symmetric", rate=0.2)
    return ib.score("loss", problem)


def peeks_by_name(problem):
    from influence_bench.datasets.dataset import load

    with suppress(Exception):
        load("digits", noise="symmetric", rate=0.2)
    return ib.score("loss", problem)


def draws_the_rows_itself(problem):
    from influence_bench.datasets.tables.synthetic import blobs

    with suppress(Exception):
        blobs(problem.seed)
    return ib.score("loss", problem)


def reads_the_folder_of_the_run(problem):
    for frame in frames():
        if "run" in frame and "cell" in frame:
            return frame["run"].truth(frame["cell"].problem.slug).astype(float)
    return ib.score("loss", problem)


def reads_the_frames_of_its_callers(problem):
    n = len(problem.train)
    for frame in frames():
        for value in frame.values():
            if isinstance(value, np.ndarray) and value.dtype == bool and value.shape == (n,):
                return value.astype(float)
    return ib.score("loss", problem)


def frames():
    """The local variables of every caller."""
    frame = sys._getframe()
    while frame := frame.f_back:
        yield dict(frame.f_locals)


def undeclared(problem):
    return ib.score("loss", problem) * (1 if problem.valid is None else 2)


def looks_at_dynamics(problem):
    return ib.score("loss", problem) * (1 if problem.dynamics is None else 2)


def looks_at_the_trainer(problem):
    return ib.score("loss", problem) * (1 if problem.trainer is None else 2)


def counts_classes(problem):
    return ib.score("loss", problem) / np.bincount(problem.train.y)[problem.train.y]


def pretends_to_need_more(problem):
    return ib.score("loss", problem)


@pytest.mark.parametrize(
    ("broken", "declared", "message"),
    [
        (upside_down, {}, "higher"),
        (forgetful, {}, "called again"),
        (by_position, {}, "permutation"),
        (by_batch, {}, "batch size"),
        (heavy_handed, {}, "changes the model"),
        (stays_in_evaluation_mode, {}, "mode"),
        (peeks, {}, "loads a dataset"),
        (peeks_by_name, {}, "loads a dataset"),
        (draws_the_rows_itself, {}, "loads a dataset"),
        (reads_the_folder_of_the_run, {}, "another truth"),
        (counts_classes, {}, "declare classes=True"),
        (pretends_to_need_more, {"uses": {"validation"}}, "works without"),
        (pretends_to_need_more, {"uses": {"dynamics"}}, "works without"),
        (pretends_to_need_more, {"uses": {"retraining"}}, "works without"),
    ],
)
def test_contract_catches(cheat, broken, declared, message):
    with pytest.raises(contract.ContractError, match=message):
        ib.check_method(cheat(broken, **declared))


@pytest.mark.parametrize("broken", [reads_the_folder_of_the_run, reads_the_frames_of_its_callers])
def test_scores_that_follow_a_truth_nearby_are_noticed(cheat, broken):
    with pytest.raises(contract.ContractError, match="gives other scores under another truth"):
        contract.cannot_see_the_truth(find_method(cheat(broken)).name, {})


@pytest.mark.parametrize(("broken", "message"), [(too_few, "shape"), (not_a_number, "no finite score")])
def test_score_refuses_anything_but_finite_scores_for_every_row(cheat, broken, message):
    problem, _ = contract.planted()
    with pytest.raises(ValueError, match=message):
        ib.score(cheat(broken), problem)


def guided(problem, against: str = "validation"):
    sign = 1.0 if against == "validation" and len(problem.validation) else -1.0
    return sign * ib.score("loss", problem)


def test_methods_that_declare_validation_and_are_spared_it_need_not_beat_chance(cheat):
    cheat(guided, uses={"validation"}, unless={"validation": {"against": "training"}})
    contract.beats_chance("guided", {})
    contract.beats_chance("guided", {"against": "training"})


def test_a_hyperparameter_is_not_judged_by_its_name(cheat):
    def misnamed(problem, against: str = "validation"):
        return -ib.score("loss", problem)

    cheat(misnamed)
    with pytest.raises(contract.ContractError, match="higher"):
        contract.beats_chance("misnamed", {"against": "training"})


def test_what_a_method_does_not_declare_is_withheld(cheat):
    problem, _ = contract.planted()
    for undeclaring in (undeclared, looks_at_dynamics, looks_at_the_trainer):
        assert np.array_equal(ib.score(cheat(undeclaring), problem), ib.score("loss", problem))


def test_the_truth_is_nowhere_in_a_problem():
    problem, is_noisy = contract.planted()
    arrays = [problem.train.y, problem.train.x, problem.valid.x, problem.valid.y, *problem.state.values()]
    assert all(tuple(a.shape) != is_noisy.shape or not np.array_equal(a.numpy() != 0, is_noisy) for a in arrays)
    assert not any("noisy" in name or "true" in name or "test" in name for name in vars(problem))


def test_the_planted_problem_is_the_same_whatever_was_random_before():
    torch.manual_seed(1)  # its network has dropout, which draws from the global generator
    problem, _ = contract._planted.__wrapped__()
    for name, tensor in contract.planted()[0].model.state_dict().items():
        assert torch.equal(tensor, problem.model.state_dict()[name])
