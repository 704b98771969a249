"""Exact influence compared with its dense definition in float64 and with leave-one-out retraining."""

import numpy as np
import pytest
import torch
from oracle import close
from scipy.optimize import minimize
from scipy.stats import spearmanr
from torch import nn
from torch.nn import functional as F

import influence_bench as ib

LAMBDA = 0.05


@pytest.mark.parametrize("damping", [0.01, 1.0])
def test_exact_influence_equals_its_definition(small, damping):
    problem, g, dense = small
    ihvp = torch.linalg.solve(dense + damping * torch.eye(len(dense), dtype=torch.float64), g["valid"].mean(0))
    close(ib.score("influence-exact", problem, damping=damping, layers="all"), -g["train"] @ ihvp, rtol=1e-10)


def test_self_influence_equals_its_definition(small):
    problem, g, dense = small
    inverse = torch.linalg.inv(dense + 0.1 * torch.eye(len(dense), dtype=torch.float64))
    close(ib.score("influence-self", problem, damping=0.1, layers="all"), ((g["train"] @ inverse) * g["train"]).sum(1))


def test_a_singular_curvature_is_refused_with_the_mend(small):
    with pytest.raises(ib.InputError, match="singular: raise damping"):
        ib.score("influence-exact", small[0], damping=0.0)


def test_a_curvature_too_large_is_refused_with_its_size():
    layer = nn.Linear(2000, 10)
    x, y = torch.randn(4, 2000), torch.tensor([0, 1, 2, 3])
    with pytest.raises(ib.InputError, match=r"20,010 parameters would take 13 GB"):
        ib.score("influence-exact", ib.Problem(layer, train=(x, y), valid=(x, y)))


def logistic_regression(x, y, rows, start):
    """Weights and bias that minimise (1/n) Σ cross-entropy + λ/2 ‖θ‖² over some rows, to high precision."""
    a = np.hstack([x, np.ones((len(x), 1))])

    def objective(flat):
        theta = flat.reshape(2, -1)
        logits = a[rows] @ theta.T
        p = np.exp(logits - np.logaddexp.reduce(logits, 1)[:, None])
        value = -np.log(p[np.arange(len(rows)), y[rows]]).sum() / len(x) + LAMBDA / 2 * flat @ flat
        p[np.arange(len(rows)), y[rows]] -= 1
        return value, (p.T @ a[rows]).ravel() / len(x) + LAMBDA * flat

    return minimize(objective, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-16, "gtol": 1e-12}).x


def test_exact_influence_ranks_rows_as_leave_one_out_retraining_does():
    data = ib.load("breast-cancer", noise="symmetric", rate=0.1, seed=0, size=150)
    x, y = data.train.x.double().numpy(), data.train.y.numpy()
    valid_x, valid_y = data.valid.x.double(), data.valid.y
    everything = np.arange(len(x))
    theta = logistic_regression(x, y, everything, np.zeros(2 * (x.shape[1] + 1)))

    def model_of(flat):
        layer = nn.Linear(x.shape[1], 2).double()
        weights = torch.tensor(flat).reshape(2, -1)
        layer.load_state_dict({"weight": weights[:, :-1], "bias": weights[:, -1]})
        return layer

    def validation_loss(flat):
        with torch.no_grad():
            return float(F.cross_entropy(model_of(flat)(valid_x), valid_y))

    removed = [logistic_regression(x, y, np.delete(everything, row), theta) for row in everything]
    benefit_of_removal = np.array([validation_loss(theta) - validation_loss(flat) for flat in removed])
    problem = ib.Problem(model_of(theta), train=(x, y), valid=(valid_x, valid_y))
    influence = ib.score("influence-exact", problem, damping=LAMBDA)
    assert spearmanr(influence, benefit_of_removal).statistic >= 0.99
    # The sign and the scale as well: the score over n is the change of the validation loss, to first order.
    assert np.polyfit(influence / len(x), benefit_of_removal, 1)[0] == pytest.approx(1, abs=0.1)
