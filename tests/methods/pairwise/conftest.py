"""A small problem and its gradients, for the definitions of pairwise influence."""

import pytest
from networks import naive

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.gradients.space import gradient_space


@pytest.fixture(scope="module")
def small():
    """A trained network in float64, and the flat gradients of training and validation rows, by autograd."""
    problem, _ = planted()
    checkpoints = [(checkpoint.state, checkpoint.learning_rate) for checkpoint in problem.checkpoints]
    problem = ib.Problem(problem.model.double(), problem.train, problem.valid, checkpoints, batch_size=32)
    names = list(gradient_space(problem, "all").parameters)
    return problem, *(naive(problem, rows, names).numpy() for rows in (problem.train, problem.valid))
