"""TracIn on projected gradients against the product with the explicit matrix, and against TracIn itself."""

import numpy as np
import torch
from networks import CLOSED, naive, problem_of
from projections import explicit
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.gradients.projection import Dense
from influence_bench.methods.gradients.space import gradient_space

RATES = 0.3, 0.1


def two_checkpoints():
    problem = problem_of(*CLOSED["mlp"], seed=3)
    states = [{name: (1 + k) * tensor for name, tensor in problem.model.state_dict().items()} for k in (1, 0)]
    pairs = list(zip(states, RATES, strict=True))
    return ib.Problem(problem.model, problem.train, problem.valid, pairs, batch_size=2, seed=3)


def at(problem, number):
    """The problem with its model as it was at a checkpoint."""
    problem.model.load_state_dict(problem.checkpoints[number].state)
    return problem


def test_it_is_tracin_of_explicitly_projected_gradients():
    problem = two_checkpoints()
    ours = ib.score("tracin-projected", problem, k=20, layers="all")
    space, expected = gradient_space(problem, "all"), 0
    for number, rate in enumerate(RATES):
        matrix = explicit(Dense(20, 3 + number), space.parameters)
        g, v = (
            naive(at(problem, number), rows, list(space.parameters)) @ matrix for rows in (problem.train, problem.valid)
        )
        expected = expected - rate * g @ v.mean(0)
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9 * float(expected.abs().max()))


def test_gradients_of_at_most_k_numbers_are_not_projected():
    problem = two_checkpoints()
    p = gradient_space(problem, "all").size
    exact = ib.score("tracin", problem, layers="all")
    np.testing.assert_array_equal(ib.score("tracin-projected", problem, k=p, layers="all"), exact)


def wide():
    """The planted rows under a network of 1,155 parameters, so that 512 columns are a projection."""
    given, _ = planted()
    torch.manual_seed(0)
    return ib.Problem(nn.Sequential(nn.Linear(2, 192), nn.ReLU(), nn.Linear(192, 3)), given.train, given.valid)


def test_more_columns_bring_it_closer_to_tracin():
    problem = wide()
    exact = ib.score("tracin", problem, layers="all")
    few, many = (np.corrcoef(exact, ib.score("tracin-projected", problem, k=k, layers="all"))[0, 1] for k in (32, 512))
    assert many > 0.99
    assert few < many


def test_its_mean_over_projections_is_tracin():
    problem = wide().on(slice(40))
    exact = ib.score("tracin", problem, layers="all")
    drawn = []
    for seed in range(100):
        seeded = ib.Problem(problem.model, problem.train, problem.valid, seed=seed)
        drawn.append(ib.score("tracin-projected", seeded, k=64, layers="all"))
    error = np.linalg.norm(np.mean(drawn, 0) - exact) / np.linalg.norm(exact)
    single = np.mean([np.linalg.norm(scores - exact) for scores in drawn]) / np.linalg.norm(exact)
    assert error < 0.3 * single  # 1 / √100 is 0.1
