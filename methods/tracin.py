"""TracIn: a sample's influence traced through the checkpoints of training."""

import torch

from ..bench.problem import Problem, Scores
from ..bench.registry import method
from .gradients import Layers, gradient_space


@method(family="gradient tracing", paper="Pruthi et al. 2020, eq. 2", uses={"validation", "checkpoints"})
def tracin(problem: Problem, layers: Layers = "last") -> Scores:
    """Sum over checkpoints of learning rate times -(mean validation gradient) · (sample gradient).

    Args:
        problem: with validation rows; every checkpoint counts with its learning rate.
        layers: whose parameters the gradients are taken for.

    Cost: one forward pass per checkpoint for the last layer, else one epoch per checkpoint.
    """
    scores = torch.zeros(len(problem.train), dtype=torch.float64)
    for checkpoint in problem.checkpoints:
        space = gradient_space(problem, layers, checkpoint)
        scores -= checkpoint.learning_rate * space.train.inner(space.valid.mean())
    return scores.numpy()


@method(family="gradient tracing", paper="Pruthi et al. 2020, section 3 (self-influence)", uses={"checkpoints"})
def tracin_self(problem: Problem, layers: Layers = "last") -> Scores:
    """Sum over checkpoints of learning rate times the squared norm of the sample's gradient.

    Args:
        problem: every checkpoint counts with its learning rate.
        layers: whose parameters the gradients are taken for.

    Cost: one forward pass per checkpoint for the last layer, else one epoch per checkpoint.
    """
    scores = torch.zeros(len(problem.train), dtype=torch.float64)
    for checkpoint in problem.checkpoints:
        scores += checkpoint.learning_rate * gradient_space(problem, layers, checkpoint).train.squared_l2()
    return scores.numpy()
