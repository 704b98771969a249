"""SOURCE compared with its definition and with the derivative of unrolled training, in float64."""

import numpy as np
import pytest
import torch
from fisher_matrices import dense, gradients, two_layers
from networks import problem_of
from oracle import close
from scipy.stats import spearmanr
from torch import nn
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted


def shaken(problem, checkpoints):
    """The problem with checkpoints near its parameters, the last of them equal, and with falling learning rates."""
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
    """e^{-Ct} and ∫ e^{-Cs} ds from 0 to t, which equals (I - e^{-Ct}) C⁻¹ and exists even if C is singular."""
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
