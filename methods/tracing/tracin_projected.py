"""TracIn on random projections of the gradients to a few hundred numbers, which keep inner products on average."""

import torch

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.projection import Dense
from ..gradients.selection import Layers
from ..gradients.space import gradient_space
from ..influence.projected import in_double
from ..queries import products


@method(family="gradient tracing", paper="Pruthi et al. 2020 (random projection)", uses={"validation", "checkpoints"})
def tracin_projected(problem: Problem, k: int = 512, layers: Layers = "last") -> Scores:
    """Sum over checkpoints of learning rate times -(Pᵀv)·(Pᵀg), with random signs P (p, k) / √k for each checkpoint.

    Its mean over P is TracIn, and the standard deviation of an inner product is at most about ‖v‖ ‖g‖ √(2/k).

    When: you want to keep gradients for later queries, with k numbers in place of p for each row. For the mean over the
    validation rows, `tracin` is exact and costs less.

    Args:
        problem: with validation rows, whose mean gradient is v; a checkpoint's weight is its learning rate.
        k: number of columns of the projection; gradients with at most k numbers are not projected.
        layers: the layers whose gradients are used, with p parameters.

    Cost (gradients): for each checkpoint one forward pass for the last layer, else about an epoch; and the projection,
    k multiplications for every number of every gradient. Memory: the projected gradients (n, k).
    """
    scores = torch.zeros(len(problem.train), dtype=torch.float64)
    for number, checkpoint in enumerate(problem.checkpoints):
        space, projection = gradient_space(problem, layers, checkpoint), Dense(k, problem.seed + number)
        if k < space.size:
            train, valid = (rows.projected(projection) for rows in (space.train, space.valid))
            v = valid.mean(0, dtype=torch.float64)
            helpful = torch.cat([part @ v for part in in_double(train)]).cpu()
        else:
            helpful = products(space.train, [space.valid.mean()])[:, 0]
        scores -= checkpoint.learning_rate * helpful
    return scores.numpy()
