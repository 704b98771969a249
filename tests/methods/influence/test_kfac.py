"""K-FAC, EK-FAC and what is made of them against their definitions, layer by layer, computed densely in float64."""

import copy

import numpy as np
import pytest
import torch
from networks import CLOSED, images, problem_of
from oracle import close
from scipy.stats import spearmanr
from torch import nn
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted

DAMPING = 0.3


def two_layers():
    """A convolution, which is used at every pixel, and a linear layer, each with a bias."""
    return images(nn.Conv2d(2, 3, 3, stride=2, padding=1))


def of_a_sequence():
    """A linear layer that is used at every position of a sequence, their mean, and another one, each with a bias."""
    mean = nn.AdaptiveAvgPool2d((1, 4)), nn.Flatten()
    return nn.Sequential(nn.Linear(5, 4), nn.Tanh(), *mean, nn.Linear(4, 3))


AT_POSITIONS = {"pixels": (two_layers, (2, 6, 6)), "sequence": (of_a_sequence, (3, 5))}


def layer_by_layer(problem, examples, labels, k=-1):
    """a (n, T, in + 1) and δ (n, T, out) of the two layers for the summed loss under some labels, at a checkpoint."""
    model = copy.deepcopy(problem.model).eval()
    model.load_state_dict(problem.checkpoints[k].state)
    first, last = model[0], model[-1]
    seen = {}
    for layer in (first, last):
        layer.register_forward_hook(lambda m, x, z: seen.__setitem__(m, (x[0], z)))
    loss = F.cross_entropy(model(examples.x), labels, reduction="sum")
    inputs, delta = seen[first][0], torch.autograd.grad(loss, [seen[first][1], seen[last][1]])
    if isinstance(first, nn.Conv2d):
        inputs, delta = F.unfold(inputs, 3, padding=1, stride=2).mT, (delta[0].flatten(2).mT, delta[1])
    a = [F.pad(part.detach(), (0, 1), value=1.0) for part in (inputs, seen[last][0][:, None])]
    return list(zip(a, (delta[0], delta[1][:, None]), strict=True))


def gradients(problem, examples, k=-1):
    """(n, p) of each of the two layers."""
    layers = layer_by_layer(problem, examples, examples.y, k)
    return [torch.einsum("nto,nti->noi", delta, a).flatten(1) for a, delta in layers]


def dense(problem, form, labels, checkpoints=(-1,)):
    """Eigenvectors (p, p) and eigenvalues (p,) of each layer's Fisher information, over some checkpoints."""
    found = []
    for layer in zip(*(layer_by_layer(problem, problem.train, labels, k) for k in checkpoints), strict=True):
        a, delta = (torch.cat(parts) for parts in zip(*layer, strict=True))
        n, positions = a.shape[:2]
        outputs = torch.einsum("nto,ntp->op", delta, delta) / (n * positions)
        inputs = torch.einsum("nti,ntj->ij", a, a) / n
        (s, q_s), (t, q_a) = torch.linalg.eigh(outputs), torch.linalg.eigh(inputs)
        q = torch.kron(q_s, q_a)
        g = torch.einsum("nto,nti->noi", delta, a).flatten(1)
        found.append((q, (g @ q).square().mean(0) if form == "ekfac" else torch.kron(s, t)))
    return found


def inverse(q, eigenvalues):
    return q @ torch.diag(1 / (eigenvalues + DAMPING * eigenvalues.mean())) @ q.T


def sampled_labels(problem):
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


def shaken(problem, checkpoints):
    """The problem with checkpoints around its parameters, the last at them, of falling learning rate."""
    states = []
    for k in reversed(range(checkpoints)):
        noise = torch.Generator().manual_seed(k)
        states.append({
            name: p + 0.1 * k * torch.randn(p.shape, generator=noise, dtype=p.dtype) if p.ndim else p
            for name, p in problem.model.state_dict().items()
        })  # fmt: skip
    rated = [(state, 0.1 / (1 + k)) for k, state in enumerate(states)]
    return ib.Problem(problem.model, problem.train, problem.valid, rated, batch_size=2)


def unrolled(matrix, time):
    """e^{-Ct} and ∫ e^{-Cs} ds from 0 to t, which is (I - e^{-Ct}) C⁻¹ and exists where C is singular."""
    zero, one = torch.zeros_like(matrix), torch.eye(len(matrix), dtype=torch.float64)
    blocks = torch.cat([torch.cat([-matrix, one], 1), torch.cat([zero, zero], 1)])
    whole = torch.linalg.matrix_exp(time * blocks)
    return whole[: len(matrix), : len(matrix)], whole[: len(matrix), len(matrix) :]


@pytest.mark.parametrize("form", ["kfac", "ekfac"])
@pytest.mark.parametrize(("checkpoints", "segments"), [(5, 2), (1, 3)])
def test_source_equals_its_definition(form, checkpoints, segments):
    problem = shaken(problem_of(two_layers, (2, 6, 6)), checkpoints)
    scores = ib.score("source", problem, segments=segments, steps=60, curvature=form, layers="all", labels="given")
    parts = {(5, 2): [[0, 1, 2], [3, 4]], (1, 3): [[0]]}[checkpoints, segments]
    expected = 0
    for layer, v in enumerate(gradients(problem, problem.valid)):
        state = v.mean(0)
        for part in reversed(parts):
            time = np.mean([problem.checkpoints[k].learning_rate for k in part]) * 60 / len(parts)
            q, eigenvalues = dense(problem, form, problem.train.y, part)[layer]
            decay, response = unrolled(q @ torch.diag(eigenvalues) @ q.T, time)
            g = torch.stack([gradients(problem, problem.train, k)[layer] for k in part]).mean(0)
            expected = expected - g @ response @ state
            state = decay @ state
    close(scores, expected, rtol=1e-9)


def test_labels_are_drawn_from_the_models_probabilities():
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


def test_where_single_precision_does_not_converge_double_does(monkeypatch):
    problem, real = planted()[0], torch.linalg.eigh

    def eigh(side):
        if side.dtype == torch.float32:
            raise torch.linalg.LinAlgError("the algorithm failed to converge")
        return real(side)

    expected = ib.score("ekfac-self", problem, layers="all")
    monkeypatch.setattr(torch.linalg, "eigh", eigh)
    np.testing.assert_allclose(ib.score("ekfac-self", problem, layers="all"), expected, rtol=1e-3)


def test_they_come_close_to_the_inverse_of_the_gauss_newton_matrix():
    problem, _ = planted()
    for form, at_least in (("kfac", {"last": 0.95, "all": 0.9}), ("ekfac", {"last": 0.95, "all": 0.9})):
        for layers, bound in at_least.items():
            for name, exact in ((form, "influence-exact"), (f"{form}-self", "influence-self")):
                ours = ib.score(name, problem, layers=layers)
                theirs = ib.score(exact, problem, curvature="ggn", damping=0.01, layers=layers)
                assert spearmanr(ours, theirs).statistic > bound, (name, layers)


def test_source_comes_close_to_the_derivative_of_unrolled_training():
    data, _ = planted()
    x, y = data.train.x.double(), data.train.y
    a, target = F.pad(x, (0, 1), value=1.0), F.one_hot(y, 3).double()
    theta, rate, steps = torch.zeros(3, 3, dtype=torch.float64), 0.5, 120
    derivative = torch.zeros(9, len(x), dtype=torch.float64)  # of the parameters, in each sample's weight
    states = []
    for step in range(steps):
        p = (a @ theta.T).softmax(1)
        g = torch.einsum("no,ni->noi", p - target, a).flatten(1)
        curvature = torch.einsum("no,op->nop", p, torch.eye(3)) - torch.einsum("no,np->nop", p, p)
        hessian = torch.einsum("nop,ni,nj->oipj", curvature, a, a).reshape(9, 9) / len(x)
        derivative = derivative - rate * (hessian @ derivative + g.T / len(x))
        theta = theta - rate * g.mean(0).reshape(3, 3)
        if (step + 1) % 20 == 0:
            states.append(({"weight": theta[:, :2].clone(), "bias": theta[:, 2].clone()}, rate))
    model = nn.Linear(2, 3).double()
    model.load_state_dict(states[-1][0])
    problem = ib.Problem(model, data.train, data.valid, states)
    v = (a_valid := F.pad(data.valid.x.double(), (0, 1), value=1.0)) @ theta.T
    v = torch.einsum("no,ni->noi", v.softmax(1) - F.one_hot(data.valid.y, 3), a_valid).flatten(1).mean(0)
    harm = v @ derivative * len(x)  # of a sample's weight to the validation loss
    scores = ib.score("source", problem, steps=steps)
    assert np.corrcoef(scores, harm)[0, 1] > 0.98
    assert spearmanr(scores, harm).statistic > 0.85  # by K-FAC 0.91, by labels as given 0.97
    assert np.polyfit(scores, harm, 1)[0] == pytest.approx(1, abs=0.3)


def test_bad_hyperparameters_are_refused():
    problem, _ = planted()
    with pytest.raises(ib.InputError, match="damping=0 does not fit"):
        ib.score("ekfac", problem, damping=0)
    own = ib.Problem(problem.model, problem.train, problem.valid, loss=nn.CrossEntropyLoss())
    with pytest.raises(ib.InputError, match="labels=given"):
        ib.score("ekfac", own)
    assert np.isfinite(ib.score("ekfac", own, labels="given")).all()
