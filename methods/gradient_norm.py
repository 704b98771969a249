"""Gradient and error norms: GraNd and EL2N."""

from typing import Literal

import torch

from ..bench.problem import Checkpoint, Problem, Scores
from ..bench.registry import method
from .gradients import Layers, gradient_space

Checkpoints = Literal["last", "all"]


@method(family="gradient norm", paper="Paul et al. 2021, definition 2.1 (GraNd)", uses={"checkpoints"})
def grand(problem: Problem, checkpoints: Checkpoints = "last", layers: Layers = "all") -> Scores:
    """The L2 norm of each sample's gradient, averaged over the checkpoints.

    Args:
        problem: the paper averages over early checkpoints of several initialisations; here over those of one run.
        checkpoints: the model as it stands, or all.
        layers: whose parameters the gradients are taken for.

    Cost: one epoch per checkpoint.
    """
    taken = over(problem, checkpoints)
    norms = [gradient_space(problem, layers, checkpoint).train.squared_l2().sqrt() for checkpoint in taken]
    return torch.stack(norms).mean(0).numpy()


@method(family="gradient norm", paper="Paul et al. 2021, definition 2.2 (EL2N)", uses={"checkpoints"})
def el2n(problem: Problem, checkpoints: Checkpoints = "last") -> Scores:
    """The L2 norm of the error p - e_y of each sample, averaged over the checkpoints.

    Args:
        problem: a classifier whose outputs are logits.
        checkpoints: the model as it stands, or all.

    Cost: one forward pass per checkpoint.
    """
    errors = []
    for checkpoint in over(problem, checkpoints):
        error = problem.probabilities(checkpoint).cpu()
        error[torch.arange(len(error)), problem.train.y.cpu()] -= 1
        errors.append(error.norm(dim=1))
    return torch.stack(errors).mean(0).numpy()


def over(problem: Problem, checkpoints: Checkpoints) -> list[Checkpoint | None]:
    """The checkpoints to average over; None is the model as it stands."""
    return [None] if checkpoints == "last" else list(problem.checkpoints)
