"""Gradient tracing: training gradients along validation gradients, at one checkpoint or over those of training."""

from collections.abc import Callable

import torch
from torch import Tensor

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients import reduction
from ..gradients.reduction import Direction
from ..gradients.selection import Layers
from ..gradients.space import gradient_space
from ..gradients.stream import Gradients
from ..queries import Against, cosines, most_harmful, products, queries, reciprocal


@method(
    family="gradient tracing",
    paper="Charpiat et al. 2019; Pruthi et al. 2020, one checkpoint",
    uses={"validation"},
    unless={"validation": {"against": "training"}},
)
def grad_dot(problem: Problem, layers: Layers = "last", against: Against = "validation") -> Scores:
    """-v·g: the mean validation gradient along the sample's, for the model as it stands.

    When: the simplest influence is wanted to compare with: what any curvature has to improve on.

    Args:
        problem: with validation rows, whose mean gradient is v.
        layers: whose parameters the gradients are taken for.
        against: the validation rows, the class of them that suffers most, or the training rows.

    Cost (gradients): one forward pass for the last layer, else one epoch.
    """
    space = gradient_space(problem, layers)
    return most_harmful(products(space.train, queries(space, against)))


@method(
    family="gradient tracing",
    paper="Charpiat et al. 2019 (normalised)",
    uses={"validation"},
    unless={"validation": {"against": "training"}},
)
def grad_cos(problem: Problem, layers: Layers = "last", against: Against = "validation") -> Scores:
    """-cos(v, g): the direction of the sample's gradient alone; 0 for a sample without a gradient.

    When: rows can be trusted and there is one checkpoint only: the direction tells more than `grad-dot`, whose largest
    gradients drown the others.

    Args:
        problem: with validation rows, whose mean gradient is v.
        layers: whose parameters the gradients are taken for.
        against: the validation rows, the class of them that suffers most, or the training rows.

    Cost (gradients): one forward pass for the last layer, else one epoch.
    """
    space = gradient_space(problem, layers)
    return most_harmful(cosines(space.train, queries(space, against)))


@method(
    family="gradient tracing",
    paper="Pruthi et al. 2020, eq. 2",
    uses={"validation", "checkpoints"},
    unless={"validation": {"against": "training"}},
)
def tracin(problem: Problem, layers: Layers = "last", against: Against = "validation") -> Scores:
    """Sum over checkpoints of learning rate times -(mean validation gradient) · (sample gradient).

    When: it is asked what a row did to the validation loss in the course of training, checkpoints being kept. To find
    wrong labels in a network take `gas` or `less`: on images its sums are near chance.

    Args:
        problem: with validation rows; every checkpoint counts with its learning rate.
        layers: whose parameters the gradients are taken for.
        against: the validation rows, the class of them that suffers most, or the training rows.

    Cost (gradients): one forward pass per checkpoint for the last layer, else one epoch per checkpoint.
    """
    return most_harmful(traced(products, problem, layers, against))


@method(
    family="gradient tracing",
    paper="Hammoudeh & Lowd 2022 (GAS)",
    uses={"validation", "checkpoints"},
    unless={"validation": {"against": "training"}},
)
def gas(problem: Problem, layers: Layers = "last", against: Against = "validation") -> Scores:
    """Sum over checkpoints of learning rate times -cos(mean validation gradient, sample gradient).

    When: rows can be trusted and gradients differ much in size: what TracIn gives to the largest gradients, cosines
    give to their direction.

    Args:
        problem: with validation rows; every checkpoint counts with its learning rate.
        layers: whose parameters the gradients are taken for.
        against: the validation rows, the class of them that suffers most, or the training rows.

    Cost (gradients): one forward pass per checkpoint for the last layer, else one epoch per checkpoint.
    """
    return most_harmful(traced(cosines, problem, layers, against))


@method(family="gradient tracing", paper="Xia et al. 2024 (LESS, for SGD)", uses={"validation", "checkpoints"})
def less(problem: Problem, layers: Layers = "last") -> Scores:
    """Mean over checkpoints, weighted by learning rate, of -(mean over validation rows of cos(v_j, g)).

    Checkpoints hold no optimiser state, so the sample's gradient is as SGD takes it: the paper's variant without Adam's
    preconditioning. Cosines are exact where the paper's come from random projections, and the validation rows are one
    task, whose cosines are averaged as in its official code.

    When: rows can be trusted and checkpoints are kept: of the rows that use validation rows the best of the quick
    suite; and to choose the data that a task needs.

    Args:
        problem: with validation rows, whose gradients are v_j.
        layers: whose parameters the gradients are taken for; the paper takes those of adapters, `lora`.

    Cost (gradients): two forward passes of the validation rows and one of the others per checkpoint for the last layer,
    else as many epochs.
    """
    rates = torch.tensor([checkpoint.learning_rate for checkpoint in problem.checkpoints], dtype=torch.float64)
    scores = torch.zeros(len(problem.train), dtype=torch.float64)
    for checkpoint, weight in zip(problem.checkpoints, rates / rates.sum(), strict=True):
        space = gradient_space(problem, layers, checkpoint)
        v = space.valid.weighted_sum(reciprocal(space.valid.squared_l2().sqrt()) / len(space.valid))
        inner, squares = space.train.reduce(reduction.inner(v), reduction.squared_l2())
        scores -= weight * inner.sum(1) * reciprocal(squares.sum(1).sqrt())
    return scores.numpy()


@method(family="gradient tracing", paper="Pruthi et al. 2020, section 3 (self-influence)", uses={"checkpoints"})
def tracin_self(problem: Problem, layers: Layers = "last") -> Scores:
    """Sum over checkpoints of learning rate times the squared norm of the sample's gradient.

    When: nobody can vouch for any rows, checkpoints are kept and the gradient's size is of interest;
    `el2n[checkpoints=all]` is cheaper and better at wrong labels.

    Args:
        problem: every checkpoint counts with its learning rate.
        layers: whose parameters the gradients are taken for.

    Cost (gradients): one forward pass per checkpoint for the last layer, else one epoch per checkpoint.
    """
    scores = torch.zeros(len(problem.train), dtype=torch.float64)
    for checkpoint in problem.checkpoints:
        scores += checkpoint.learning_rate * gradient_space(problem, layers, checkpoint).train.squared_l2()
    return scores.numpy()


def traced(
    similarity: Callable[[Gradients, list[Direction]], Tensor], problem: Problem, layers: Layers, against: Against
) -> Tensor:
    """Sum over checkpoints of learning rate times similarity (n, k)."""
    total = torch.zeros(())
    for checkpoint in problem.checkpoints:
        space = gradient_space(problem, layers, checkpoint)
        total = total + checkpoint.learning_rate * similarity(space.train, queries(space, against))
    return total
