"""EK-FAC against its definition, layer by layer, computed densely in float64."""

import numpy as np
import pytest
import torch
from networks import CLOSED, images, problem_of
from scipy.stats import spearmanr
from torch import nn
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.contract import planted

DAMPING = 0.3


def two_layers():
    """A convolution and a linear layer, each with a bias, and their inputs and output gradients on request."""
    return images(nn.Conv2d(2, 3, 3, stride=2, padding=1))


def layer_by_layer(problem, examples, labels):
    """a (n, T, in + 1) and δ (n, T, out) of the two layers for the summed loss under some labels."""
    conv, fc = problem.model[0], problem.model[-1]
    seen = {}
    hooks = [m.register_forward_hook(lambda m, x, z: seen.__setitem__(m, (x[0], z))) for m in (conv, fc)]
    loss = F.cross_entropy(problem.model.eval()(examples.x), labels, reduction="sum")
    for hook in hooks:
        hook.remove()
    deltas = torch.autograd.grad(loss, [seen[conv][1], seen[fc][1]])
    patches = F.unfold(seen[conv][0], 3, padding=1, stride=2).mT
    a = [F.pad(part.detach(), (0, 1), value=1.0) for part in (patches, seen[fc][0][:, None])]
    return list(zip(a, (deltas[0].flatten(2).mT, deltas[1][:, None]), strict=True))


def dense_inverse(a, delta):
    """(F + λI)⁻¹ of one layer as a matrix: mean squares of the gradients in the Kronecker basis, damped."""
    g = torch.einsum("nto,nti->noi", delta, a)
    covariances = (torch.einsum("nto,ntp->op", delta, delta), torch.einsum("nti,ntj->ij", a, a))
    q = torch.kron(*(torch.linalg.eigh(side)[1] for side in covariances))
    eigenvalues = (g.flatten(1) @ q).square().mean(0)
    return q @ torch.diag(1 / (eigenvalues + DAMPING * eigenvalues.mean())) @ q.T


def sampled_labels(problem):
    chance = torch.empty(len(problem.train))
    generator = torch.Generator().manual_seed(problem.seed)
    chance[problem.sampling_order()] = torch.rand(len(chance), generator=generator)
    p = problem.probabilities()
    return torch.tensor(
        [next(k for k in range(3) if row[: k + 1].sum() >= u) for row, u in zip(p, chance, strict=True)]
    )


@pytest.mark.parametrize("labels", ["given", "sampled"])
def test_both_scores_equal_the_definition(labels):
    problem = problem_of(two_layers, (2, 6, 6))
    for_fisher = problem.train.y if labels == "given" else sampled_labels(problem)
    inverses = [dense_inverse(*layer) for layer in layer_by_layer(problem, problem.train, for_fisher)]
    train, valid = (
        [torch.einsum("nto,nti->noi", delta, a).flatten(1) for a, delta in layer_by_layer(problem, part, part.y)]
        for part in (problem.train, problem.valid)
    )
    layers = list(zip(train, inverses, valid, strict=True))
    expected = sum(((g @ inverse) * g).sum(1) for g, inverse, _ in layers)
    more = {"damping": DAMPING, "layers": "all", "labels": labels}
    np.testing.assert_allclose(ib.score("ekfac-self", problem, **more), expected, rtol=1e-6)
    expected = -sum(g @ inverse @ v.mean(0) for g, inverse, v in layers)
    np.testing.assert_allclose(ib.score("ekfac", problem, **more), expected, rtol=1e-6, atol=1e-9)


def test_labels_are_drawn_from_the_models_probabilities():
    problem = problem_of(two_layers, (2, 6, 6))
    repeated = ib.Problem(problem.model, (problem.train.x[:1].repeat(3000, 1, 1, 1), problem.train.y[:1].repeat(3000)))
    drawn = np.bincount(sampled_labels(repeated), minlength=3) / 3000
    np.testing.assert_allclose(drawn, repeated.probabilities()[0], atol=0.03)


@pytest.mark.parametrize("kind", ["encoder", "embedding", "conv2d, groups", "tied", "called twice", "residual"])
def test_every_kind_of_parameter_has_a_block(kind):
    problem = problem_of(*CLOSED[kind])
    for name in ("ekfac", "ekfac-self"):
        scores = ib.score(name, problem, layers="all")
        assert np.isfinite(scores).all()
        assert len(set(scores)) == len(scores)
    assert ib.score("ekfac-self", problem, layers="all").min() > 0


def test_it_comes_close_to_the_inverse_of_the_gauss_newton_matrix():
    problem, _ = planted()
    for name, exact in (("ekfac", "influence-exact"), ("ekfac-self", "influence-self")):
        for layers, at_least in (("last", 0.95), ("all", 0.9)):
            ours = ib.score(name, problem, layers=layers)
            theirs = ib.score(exact, problem, curvature="ggn", damping=0.01, layers=layers)
            assert spearmanr(ours, theirs).statistic > at_least, (name, layers)


def test_bad_hyperparameters_are_refused():
    problem, _ = planted()
    with pytest.raises(ib.InputError, match="damping=0 does not fit"):
        ib.score("ekfac", problem, damping=0)
    own = ib.Problem(problem.model, problem.train, problem.valid, loss=nn.CrossEntropyLoss())
    with pytest.raises(ib.InputError, match="labels=given"):
        ib.score("ekfac", own)
    assert np.isfinite(ib.score("ekfac", own, labels="given")).all()
