"""The model's own features of a row: the inputs of its last layer."""

import torch
from torch import Tensor

from ..bench.errors import InputError
from ..bench.problem.examples import Examples
from ..bench.problem.problem import Problem
from .gradients.head import FeaturePass
from .gradients.selection import select


def features(problem: Problem, examples: Examples) -> Tensor:
    """Inputs (n, d) of the last layer that the model calls, for each row, on the CPU: one forward pass.

    Raises:
        InputError: if the layer's inputs are not one vector per row, or do not fit the memory budget.
    """
    (layer,) = select(problem, "last", problem.state).values()
    collected = FeaturePass(problem, None, examples, layer, device="cpu", head=False)
    collected.run()
    h = collected.features.whole
    if h.ndim != 2:
        raise InputError(
            f"this method needs last-layer inputs (n, d); here they are {tuple(h.shape)}: let the model reduce them to"
            " one vector per row before its last layer"
        )
    return h


def standardized(train: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Features minus the training rows' mean, divided by their standard deviation, and a column of ones; float64.

    A feature that is constant over the training rows becomes 0.
    """
    mean, deviation = train.double().mean(0), train.double().std(0, correction=0)
    deviation[deviation <= 1e-12 * mean.abs()] = torch.inf
    scaled = [(part.double() - mean) / deviation for part in (train, valid)]
    first, second = (torch.cat([part, torch.ones(len(part), 1, dtype=part.dtype)], 1) for part in scaled)
    return first, second
