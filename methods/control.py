"""Controls: rankings that every method should beat."""

import torch

from ..bench.problem.problem import Problem, Scores
from ..bench.registry.method import method


@method(family="control", paper="none: chance")
def random(problem: Problem) -> Scores:
    """Uniform random numbers.

    When: always, as the floor: a method that does not beat it has learned nothing about the rows.

    Args:
        problem: only its seed and its rows are used.

    Cost (free): none.
    """
    scores = torch.empty(len(problem.train), dtype=torch.float64)
    generator = torch.Generator().manual_seed(problem.seed)
    scores[problem.sampling_order()] = torch.rand(len(scores), generator=generator, dtype=torch.float64)
    return scores.numpy()
