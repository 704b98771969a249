"""Queries: the rows whose loss influence is measured on, their mean gradients, and products with these."""

from typing import Literal

import torch
from torch import Tensor

from ..bench.errors import InputError
from ..bench.problem.problem import Scores
from .gradients import reduction
from .gradients.reduction import Direction
from .gradients.space import GradientSpace
from .gradients.stream import Gradients

Against = Literal["validation", "classes", "training"]
"""The validation rows, the validation rows of the class that the sample harms most, or the training rows themselves."""


def queries(space: GradientSpace, against: Against) -> list[Direction]:
    """The mean gradient v of the rows, or one v for each class of the validation rows (Nguyen-Duc et al. 2023).

    For the training rows v vanishes at a minimum of the training loss. Before that minimum, v is mostly due to wrong
    labels, which are fitted last, so that wrong labels look helpful.

    Raises:
        InputError: if there are no validation rows, or their labels are not classes.
    """
    if against == "training":
        return [space.train.mean()]
    valid = space.valid
    if against == "validation":
        return [valid.mean()]
    labels = valid.examples.y
    if labels.is_floating_point() or labels.ndim != 1:
        raise InputError("against=classes needs class indices as labels: take against=validation")
    return [valid.of((labels == label).nonzero()[:, 0]).mean() for label in labels.unique()]


def products(gradients: Gradients, directions: list[Direction]) -> Tensor:
    """Inner products (n, k) of gradients with directions, float64, from one pass."""
    if len(directions) == 1:
        return gradients.inner(directions[0])[:, None]
    parts = gradients.reduce(*(reduction.inner(direction) for direction in directions))
    return torch.stack([part.sum(1) for part in parts], 1)


def cosines(gradients: Gradients, directions: list[Direction]) -> Tensor:
    """Cosines (n, k) of gradients with directions, float64, from one pass; 0 where either vector is 0."""
    wanted = (reduction.inner(direction) for direction in directions)
    squares, *parts = gradients.reduce(reduction.squared_l2(), *wanted)
    along = torch.stack([part.sum(1) for part in parts], 1)
    lengths = torch.stack([gradients.space.vector(direction).double().norm().cpu() for direction in directions])
    return along * reciprocal(squares.sum(1).sqrt()[:, None] * lengths)


def reciprocal(lengths: Tensor) -> Tensor:
    """1 / lengths; 0 where a length is 0, so that a zero vector has the cosine 0 with every other."""
    return torch.where(lengths > torch.finfo(lengths.dtype).tiny, 1 / lengths, 0.0)


def most_harmful(helpful: Tensor) -> Scores:
    """Scores (n,) from each sample's help (n, k) to k queries: its harm to the query that it helps least."""
    scores: Scores = -helpful.amin(1).numpy()
    return scores
