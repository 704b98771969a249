"""TRAK and LoGra compared with their definitions on explicitly projected gradients, in float64."""

import numpy as np
import pytest
import torch
from networks import CLOSED, naive, problem_of
from projections import explicit
from scipy.stats import spearmanr
from torch import nn
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.gradients.projection import Dense, Factored
from influence_bench.methods.gradients.space import gradient_space
from influence_bench.methods.influence.projected import log_odds

DAMPING = 0.3


def of_log_odds(problem):
    """The problem with log(p / (1 - p)) of the label's probability p for its loss."""

    def odds(outputs, y):
        p = outputs.softmax(1)[:, y[0]]
        return torch.log(p / (1 - p))

    return ib.Problem(problem.model, problem.train, problem.valid, loss=odds)


def projected(problem, projection, layers="all"):
    """Projected gradients (n, k) of the training rows, and of the validation rows."""
    space = gradient_space(problem, layers)
    matrix = explicit(projection, space.parameters)
    names = list(space.parameters)
    return (naive(problem, rows, names) @ matrix for rows in (problem.train, problem.valid))


def damped(features):
    gram = features.T @ features
    return gram + DAMPING * gram.trace() / len(gram) * torch.eye(len(gram), dtype=torch.float64)


def error(problem):
    p = problem.model.eval()(problem.train.x).softmax(1)
    return (1 - p[torch.arange(len(p)), problem.train.y]).detach()


@pytest.mark.parametrize("network", ["mlp", "residual"])
def test_trak_equals_its_definition(network):
    problem = problem_of(*CLOSED[network], seed=3)
    features, targets = projected(of_log_odds(problem), Dense(20, 3))
    inverse = torch.linalg.inv(damped(features))
    attribution = targets @ inverse @ features.T * error(problem)
    more = {"k": 20, "damping": DAMPING, "layers": "all"}
    np.testing.assert_allclose(ib.score("trak", problem, **more), -attribution.sum(0), rtol=1e-7)
    own = (features @ inverse @ features.T).diag() * error(problem)
    np.testing.assert_allclose(ib.score("trak-self", problem, **more), own, rtol=1e-7)


@pytest.mark.parametrize("network", ["mlp", "residual", "embedding"])
def test_logra_equals_its_definition(network):
    problem = problem_of(*CLOSED[network], seed=3)
    train, valid = projected(problem, Factored(3, 3, 3))
    space = gradient_space(problem, "all")
    columns = Factored(3, 3, 3).columns(space.parameters)
    score, own = 0, 0
    for layer in space.layers:
        of_layer = [c for name in layer for c in range(columns[name].start, columns[name].stop)]
        g, v = train[:, of_layer], valid[:, of_layer].mean(0)
        inverse = torch.linalg.inv(damped(g) / len(g))
        score, own = score - g @ inverse @ v, own + (g @ inverse @ g.T).diag()
    more = {"side": 3, "damping": DAMPING, "layers": "all"}
    np.testing.assert_allclose(ib.score("logra", problem, **more), score, rtol=1e-7)
    np.testing.assert_allclose(ib.score("logra-self", problem, **more), own, rtol=1e-7)


def test_trak_does_not_project_gradients_that_are_no_longer_than_k():
    problem = problem_of(*CLOSED["mlp"])
    g, targets = (naive(of_log_odds(problem), rows, names(problem)) for rows in (problem.train, problem.valid))
    kernel = targets @ torch.linalg.solve(damped(g), g.T)
    ours = ib.score("trak", problem, k=51, damping=DAMPING, layers="all")
    np.testing.assert_allclose(ours, -(kernel * error(problem)).sum(0), rtol=1e-7)


def names(problem):
    return list(gradient_space(problem, "all").parameters)


def test_several_checkpoints_are_averaged_factor_by_factor():
    problem, _ = planted()
    kernels, errors = [], []
    for number, checkpoint in enumerate(problem.checkpoints):
        alone = ib.Problem(problem.model, problem.train, problem.valid, [checkpoint], seed=number, batch_size=32)
        p = problem.probabilities(checkpoint)
        errors.append(1 - p[torch.arange(len(p)), problem.train.y])
        kernels.append(ib.score("trak", alone, k=20, checkpoints="all") / errors[-1].numpy())
    expected = np.mean(kernels, 0) * np.mean(np.stack(errors), 0)
    np.testing.assert_allclose(ib.score("trak", problem, k=20, checkpoints="all"), expected, rtol=1e-4, atol=1e-6)


def test_log_odds_are_those_of_the_labels_probability():
    outputs, y = torch.randn(50, 4, dtype=torch.float64), torch.randint(4, (50,))
    p = outputs.softmax(1)[torch.arange(50), y]
    torch.testing.assert_close(log_odds(outputs, y), torch.log(p / (1 - p)))
    sure = torch.tensor([[60.0, 0.0]], dtype=torch.float64, requires_grad=True)
    log_odds(sure, torch.tensor([0])).sum().backward()
    assert torch.equal(sure.grad, torch.tensor([[1.0, -1.0]], dtype=torch.float64))


def test_logra_with_wide_sides_is_influence_without_projection():
    """Sides that are not projected leave influence with the damped Fisher matrix of each layer."""
    problem, _ = planted()
    space = gradient_space(problem, "last")
    g, v = space.train.matrix().double(), space.valid.matrix().double().mean(0)
    whole = -g @ torch.linalg.solve(damped(g) / len(g), v)
    np.testing.assert_allclose(ib.score("logra", problem, side=99, damping=DAMPING), whole, rtol=1e-3, atol=1e-4)
    narrow = ib.score("logra", problem, side=3, damping=DAMPING)
    assert spearmanr(narrow, whole).statistic > 0.5


def test_bad_hyperparameters_are_refused():
    problem, _ = planted()
    for name in ("trak", "trak-self", "logra", "logra-self"):
        with pytest.raises(ib.InputError, match="damping=0 does not fit"):
            ib.score(name, problem, damping=0)
    with pytest.raises(ib.InputError, match="k=0 does not fit"):
        ib.score("trak", problem, k=0)
    with pytest.raises(ib.InputError, match="j=-1 does not fit"):
        ib.score("logra", problem, side=-1)
    regression = ib.Problem(nn.Linear(2, 1), (torch.randn(5, 2), torch.randn(5, 1)), loss=F.mse_loss)
    with pytest.raises(ib.InputError, match="needs a class as the label"):
        ib.score("trak-self", regression)
    assert np.isfinite(ib.score("logra-self", regression)).all()
