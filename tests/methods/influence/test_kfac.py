"""K-FAC, EK-FAC and RelatIF compared with their definitions, computed densely, layer by layer, in float64."""

import numpy as np
import pytest
import torch
from fisher_matrices import AT_POSITIONS, dense, gradients, two_layers
from networks import CLOSED, problem_of
from oracle import close
from scipy.stats import spearmanr
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted

DAMPING = 0.3


def inverse(q, eigenvalues):
    return q @ torch.diag(1 / (eigenvalues + DAMPING * eigenvalues.mean())) @ q.T


def sampled_labels(problem):
    """Labels by inverting each row's distribution function at a uniform random number."""
    chance = torch.empty(len(problem.train))
    generator = torch.Generator().manual_seed(problem.seed)
    chance[problem.sampling_order()] = torch.rand(len(chance), generator=generator)
    p = problem.probabilities()
    return torch.tensor(
        [next(k for k in range(3) if row[: k + 1].sum() >= u) for row, u in zip(p, chance, strict=True)]
    )


@pytest.mark.parametrize("network", AT_POSITIONS)
@pytest.mark.parametrize("labels", ["given", "sampled"])
@pytest.mark.parametrize("form", ["kfac", "ekfac"])
def test_scores_equal_their_definitions(form, labels, network):
    problem = problem_of(*AT_POSITIONS[network])
    for_fisher = problem.train.y if labels == "given" else sampled_labels(problem)
    inverses = [inverse(*layer) for layer in dense(problem, form, for_fisher)]
    train, valid = gradients(problem, problem.train), gradients(problem, problem.valid)
    own = sum(((g @ c) * g).sum(1) for g, c in zip(train, inverses, strict=True))
    square = sum((g @ c).square().sum(1) for g, c in zip(train, inverses, strict=True))
    one_by_one = sum(g @ c @ v.T for g, c, v in zip(train, inverses, valid, strict=True))
    more = {"damping": DAMPING, "layers": "all", "labels": labels}
    close(ib.score(f"{form}-self", problem, **more), own)
    close(ib.score(form, problem, **more), -one_by_one.mean(1))
    more["curvature"] = form
    close(ib.score("relatif", problem, **more), -one_by_one.mean(1) / own.sqrt())
    close(ib.score("relatif", problem, relative_to="parameters", **more), -one_by_one.mean(1) / square.sqrt())
    classes = [one_by_one[:, problem.valid.y == label].mean(1) for label in problem.valid.y.unique()]
    close(ib.score("relatif", problem, against="classes", **more), -torch.stack(classes, 1).amin(1) / own.sqrt())


def test_sampled_labels_follow_the_models_probabilities():
    problem = problem_of(two_layers, (2, 6, 6))
    repeated = ib.Problem(problem.model, (problem.train.x[:1].repeat(3000, 1, 1, 1), problem.train.y[:1].repeat(3000)))
    drawn = np.bincount(sampled_labels(repeated), minlength=3) / 3000
    np.testing.assert_allclose(drawn, repeated.probabilities()[0], atol=0.03)


@pytest.mark.parametrize("kind", ["encoder", "embedding", "conv2d, groups", "tied", "called twice", "residual"])
def test_every_kind_of_parameter_has_a_block(kind):
    problem = problem_of(*CLOSED[kind])
    for name in ("ekfac", "ekfac-self", "kfac", "kfac-self", "relatif", "source"):
        scores = ib.score(name, problem, layers="all")
        assert np.isfinite(scores).all()
        assert len(set(scores)) == len(scores)
    assert min(ib.score(name, problem, layers="all").min() for name in ("ekfac-self", "kfac-self")) > 0


@pytest.mark.parametrize("name", ["kfac", "kfac-self", "ekfac", "ekfac-self", "relatif", "source"])
def test_a_layer_that_never_has_a_gradient_changes_no_score(name):
    idle = problem_of(*CLOSED["idle"])
    without = ib.Problem(idle.model.fc, idle.train, idle.valid, batch_size=5)
    np.testing.assert_allclose(ib.score(name, idle, layers="all"), ib.score(name, without, layers="all"), rtol=1e-9)


@pytest.mark.parametrize("silent", [False, True])
def test_eigenvalues_come_from_float64_if_float32_fails(monkeypatch, silent):
    problem, plain = planted()[0], torch.linalg.eigh

    def eigh(side):
        if side.dtype == torch.float32 and not silent:
            raise torch.linalg.LinAlgError("the algorithm failed to converge")
        values, vectors = plain(side)
        return (values, vectors) if side.dtype == torch.float64 else (values * torch.nan, vectors)

    expected = ib.score("ekfac-self", problem, layers="all")
    monkeypatch.setattr(torch.linalg, "eigh", eigh)
    np.testing.assert_allclose(ib.score("ekfac-self", problem, layers="all"), expected, rtol=1e-3)


def test_kfac_and_ekfac_come_close_to_the_inverse_of_the_gauss_newton_matrix():
    problem, _ = planted()
    for form, at_least in (("kfac", {"last": 0.95, "all": 0.9}), ("ekfac", {"last": 0.95, "all": 0.9})):
        for layers, bound in at_least.items():
            for name, exact in ((form, "influence-exact"), (f"{form}-self", "influence-self")):
                ours = ib.score(name, problem, layers=layers)
                theirs = ib.score(exact, problem, curvature="ggn", damping=0.01, layers=layers)
                assert spearmanr(ours, theirs).statistic > bound, (name, layers)


def test_bad_hyperparameters_are_refused():
    problem, _ = planted()
    with pytest.raises(ib.InputError, match="damping=0 does not fit"):
        ib.score("ekfac", problem, damping=0)
    own = ib.Problem(problem.model, problem.train, problem.valid, loss=nn.CrossEntropyLoss())
    with pytest.raises(ib.InputError, match="labels=given"):
        ib.score("ekfac", own)
    assert np.isfinite(ib.score("ekfac", own, labels="given")).all()
