"""Gradient tracing: inner products and cosines of training and validation gradients, at one checkpoint or several."""

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
    """-v·g: minus the inner product of the mean validation gradient and the sample's gradient, for the model as it is.

    When: you want the simplest influence score as a baseline, on which a method with curvature has to improve.

    Args:
        problem: with validation rows, whose mean gradient is v.
        layers: the layers whose gradients are used.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

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
    """-cos(v, g): only the direction of the sample's gradient counts; 0 for a sample whose gradient is 0.

    When: you have trusted validation rows and only one checkpoint. In `grad-dot` the largest gradients drown the
    others; here every gradient has the same weight.

    Args:
        problem: with validation rows, whose mean gradient is v.
        layers: the layers whose gradients are used.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

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
    """Sum over checkpoints of learning rate times -v·g, the mean validation gradient times the sample's gradient.

    When: you ask how a row changed the validation loss in the course of training, and checkpoints are kept. To find
    wrong labels in a network take `gas` or `less`: on images `tracin` is near chance.

    Args:
        problem: with validation rows, whose mean gradient is v; a checkpoint's weight is its learning rate.
        layers: the layers whose gradients are used.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

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
    """Sum over checkpoints of learning rate times -cos(v, g), of the mean validation and the sample's gradient.

    When: you have trusted validation rows and gradients of very different sizes: the largest decide the sums of
    `tracin`, while the cosine compares directions only.

    Args:
        problem: with validation rows, whose mean gradient is v; a checkpoint's weight is its learning rate.
        layers: the layers whose gradients are used.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

    Cost (gradients): one forward pass per checkpoint for the last layer, else one epoch per checkpoint.
    """
    return most_harmful(traced(cosines, problem, layers, against))


@method(family="gradient tracing", paper="Xia et al. 2024 (LESS, for SGD)", uses={"validation", "checkpoints"})
def less(problem: Problem, layers: Layers = "last") -> Scores:
    """Mean over checkpoints, weighted by learning rate, of -(mean over validation rows of cos(v_j, g)).

    Checkpoints hold no optimiser state, so g is the plain gradient that SGD would take: the paper's variant without
    Adam's preconditioning. The cosines are exact, while the paper computes them from random projections. The validation
    rows are one task, and their cosines are averaged as in the official code.

    When: you have trusted validation rows and checkpoints: it is the best method with validation rows in the quick
    suite. Also to choose training data for a task.

    Args:
        problem: with validation rows, whose gradients are v_j.
        layers: the layers whose gradients are used; the paper uses adapters, `lora`.

    Cost (gradients): for each checkpoint, two forward passes over the validation rows and one over the training rows
    for the last layer, else as many epochs.
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

    When: you have checkpoints but no trusted rows, and the size of gradients is of interest. To find wrong labels,
    `el2n[checkpoints=all]` is cheaper and better.

    Args:
        problem: with several checkpoints; a checkpoint's weight is its learning rate.
        layers: the layers whose gradients are used.

    Cost (gradients): one forward pass per checkpoint for the last layer, else one epoch per checkpoint.
    """
    scores = torch.zeros(len(problem.train), dtype=torch.float64)
    for checkpoint in problem.checkpoints:
        scores += checkpoint.learning_rate * gradient_space(problem, layers, checkpoint).train.squared_l2()
    return scores.numpy()


def traced(
    similarity: Callable[[Gradients, list[Direction]], Tensor], problem: Problem, layers: Layers, against: Against
) -> Tensor:
    """Sum over checkpoints of learning rate times the similarity (n, k) of samples and queries."""
    total = torch.zeros(())
    for checkpoint in problem.checkpoints:
        space = gradient_space(problem, layers, checkpoint)
        total = total + checkpoint.learning_rate * similarity(space.train, queries(space, against))
    return total
