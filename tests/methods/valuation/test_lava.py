"""LAVA against entropic transport written out, linear programming and GeomLoss."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from scipy.special import logsumexp
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.valuation.lava import potentials


def points():
    draw = torch.Generator().manual_seed(0)
    first = torch.randn(30, 2, generator=draw, dtype=torch.float64)
    second = torch.randn(20, 2, generator=draw, dtype=torch.float64) + 1
    return (first[:, None] - second).square().sum(2) / 2


def test_converged_potentials_are_of_a_plan_with_both_margins_uniform():
    cost = points()
    f, g = potentials(cost, 0.1, True)
    plan = ((f[:, None] + g - cost) / 0.1).exp() / (30 * 20)
    torch.testing.assert_close(plan.sum(1), torch.full((30,), 1 / 30, dtype=torch.float64), rtol=1e-5, atol=0)
    torch.testing.assert_close(plan.sum(0), torch.full((20,), 1 / 20, dtype=torch.float64), rtol=1e-5, atol=0)


def test_with_little_entropy_the_cost_is_that_of_exact_transport():
    cost = points().numpy()
    margins = np.vstack([np.kron(np.eye(30), np.ones(20)), np.kron(np.ones(30), np.eye(20))])
    exact = linprog(cost.ravel(), A_eq=margins, b_eq=[1 / 30] * 30 + [1 / 20] * 20).fun
    f, g = potentials(torch.tensor(cost), 0.003, True)
    assert float(f.mean() + g.mean()) == pytest.approx(exact, abs=0.01)


def test_potentials_of_some_rounds_are_geomlosses():
    """SamplesLoss("sinkhorn", p=2, blur=0.1**0.5, scaling=0.5, diameter=(2 * cost.max())**0.5) of GeomLoss 0.3.1."""
    f, g = potentials(points(), 0.1, False)
    np.testing.assert_allclose(f[:4], [4.5108855796, 0.4485545995, 3.5266072589, 2.5569987906], atol=1e-9)
    assert float(f.mean() + g.mean()) == pytest.approx(2.0311940783, abs=1e-9)


def sinkhorn(cost, entropy, rounds=3000):
    """Alternate projections, written out; the potentials of both sides."""
    f, g = np.zeros(len(cost)), np.zeros(cost.shape[1])
    for _ in range(rounds):
        f = -entropy * (logsumexp((g - cost) / entropy, axis=1) - np.log(cost.shape[1]))
        g = -entropy * (logsumexp((f[:, None] - cost) / entropy, axis=0) - np.log(len(cost)))
    return f, g


def small():
    """A linear model, whose last layer's inputs are the rows themselves; the second row has a wrong label."""
    rng = np.random.default_rng(0)
    y, valid_y = np.arange(24) % 2, np.arange(16) % 2
    x, valid = (rng.normal(size=(len(of), 2)) + 6 * of[:, None] for of in (y, valid_y))
    y[1] = 0
    return ib.Problem(nn.Linear(2, 2).double(), (x, y), (valid, valid_y))


def test_lava_is_the_calibrated_gradient_of_the_transport_of_rows_with_their_labels():
    problem = small()
    cost = ((problem.train.x[:, None] - problem.valid.x) ** 2).sum(2).numpy() / 2
    cost /= cost.mean()
    y, valid_y = problem.train.y.numpy(), problem.valid.y.numpy()
    labels = np.array(
        [[sum(part.mean() for part in sinkhorn(cost[y == a][:, valid_y == b], 0.5)) for b in (0, 1)] for a in (0, 1)]
    )
    f, _ = sinkhorn(cost + labels[y][:, valid_y], 0.5)
    expected = [f[row] - np.delete(f, row).mean() for row in range(24)]
    scores = ib.score("lava", problem, entropy=0.5, converged=True)
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert scores.argmax() == 1


@pytest.mark.parametrize("converged", [False, True])
def test_equal_rows_score_the_same_and_a_class_of_one_row_is_no_obstacle(converged):
    problem = small()
    rows = torch.tensor([*range(24), 3, 3])
    twice = replace(problem, train=problem.train[rows])
    scores = ib.score("lava", twice, entropy=0.5, converged=converged)
    np.testing.assert_allclose(scores[24:], scores[3], atol=1e-12)
    y = torch.zeros(24).long()
    y[5] = 1
    alone = replace(problem, train=(problem.train.x, y), valid=(problem.valid.x[:1], problem.valid.y[:1]))
    assert np.isfinite(ib.score("lava", alone, entropy=0.5, converged=converged)).all()


def test_lava_refuses_more_pairs_than_the_memory_budget_and_no_entropy():
    problem, _ = planted()
    with pytest.raises(ib.InputError, match=r"lava of 300 training and 40 validation rows would take 0.00038 GB"):
        ib.score("lava", replace(problem, memory_budget=10_000))
    with pytest.raises(ib.InputError, match=r"entropy=0.0 does not fit: it must be above 0"):
        ib.score("lava", problem, entropy=0.0)
