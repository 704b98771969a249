"""Influence pooled over rows of the same kind."""

from typing import Literal

import torch
from torch import Tensor

from ...bench.problem.problem import Problem, Scores

Pooled = Literal["none", "groups"]
"""A training row's influence is its own, or the mean over the rows of its kind, which the method then gets to know."""


def pooled_scores(influence: Tensor, problem: Problem, pooled: Pooled) -> Scores:
    """Influences (n_train, n_valid) as they are, or each the mean over the training rows of the same kind."""
    if pooled == "groups":
        group = problem.known_groups.to(influence.device).unique(return_inverse=True)[1]
        members = torch.nn.functional.one_hot(group).to(influence.dtype)
        influence = (members.T @ influence / members.sum(0)[:, None])[group]
    return influence.numpy()
