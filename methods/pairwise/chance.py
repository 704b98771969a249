"""The control of pairwise methods."""

import torch

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method


@method(family="control", paper="none: chance", uses={"validation"}, pairwise=True)
def pairwise_random(problem: Problem) -> Scores:
    """Uniform random numbers.

    When: always, as the baseline: a method that does not beat it ranks no better than chance.

    Args:
        problem: only its seed and its rows matter.

    Cost (free): none.
    """
    generator = torch.Generator().manual_seed(problem.seed)
    influence = torch.empty(len(problem.train), len(problem.validation), dtype=torch.float64)
    influence[problem.sampling_order()] = torch.rand(influence.shape, generator=generator, dtype=torch.float64)
    return influence.numpy()
