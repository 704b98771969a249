"""SOURCE: approximate unrolling of training, in segments with constant curvature and gradients."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.selection import Layers
from ..gradients.space import gradient_space
from ..queries import Against, most_harmful, products, queries
from .fisher import Form, Labels, fisher


@method(
    family="influence function",
    paper="Bae et al. 2024, section 3 (SOURCE)",
    uses={"validation", "checkpoints"},
    unless={"validation": {"against": "training"}},
)
def source(
    problem: Problem,
    segments: int = 3,
    steps: int = 1000,
    curvature: Form = "ekfac",
    layers: Layers = "last",
    labels: Labels = "sampled",
    against: Against = "validation",
) -> Scores:
    """-Σ_s vᵀ e^{-η̄KC_L} ⋯ e^{-η̄KC_{s+1}} (I - e^{-η̄KC_s}) C_s⁻¹ ḡ_s over the segments s of training.

    The curvature C_s, the gradient ḡ_s and the learning rate η̄ are means over the segment's checkpoints. There is no
    damping: where an eigenvalue of C_s is 0, (1 - e^{-η̄KC_s}) / C_s is η̄K. The steps are assumed to be those of plain
    SGD, whatever the optimiser.

    When: the model was trained with SGD, short of convergence or in several stages, and you have kept checkpoints.

    Args:
        problem: with validation rows, whose mean gradient v is taken at the last checkpoint.
        segments: number of segments into which the checkpoints are split; at most one for each checkpoint.
        steps: number of optimiser steps in the whole training, since checkpoints do not record it; each segment has an
            equal share K.
        curvature: the form of the Fisher information C, `kfac` or `ekfac`.
        layers: the layers whose gradients are used.
        labels: `sampled` from the model's own probabilities, which gives the Fisher information, or `given`, which
            gives the empirical Fisher matrix.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

    Cost (gradients): three passes per checkpoint, each with O(width²) more multiplications per sample, position and
    layer.

    Raises:
        InputError: if segments or steps are below 1, or labels are sampled and the problem has a loss of its own.
    """
    if segments < 1 or steps < 1:
        raise InputError("source needs segments and steps of at least 1")
    parts = np.array_split(np.arange(len(problem.checkpoints)), min(segments, len(problem.checkpoints)))
    vectors = queries(gradient_space(problem, layers, problem.checkpoints[-1]), against)
    helpful = torch.zeros(())
    for part in reversed(parts):
        checkpoints = [problem.checkpoints[k] for k in part]
        spaces = [gradient_space(problem, layers, checkpoint) for checkpoint in checkpoints]
        matrix = fisher(problem, spaces, curvature, labels)
        rate = sum(checkpoint.learning_rate for checkpoint in checkpoints) / len(checkpoints)
        time = rate * steps / len(parts)
        response, decay = matrix.mapped(partial(_response, time)), matrix.mapped(partial(_decay, time))
        responses = [response.times(v) for v in vectors]
        helpful = helpful + sum(products(space.train, responses) for space in spaces) / len(spaces)
        vectors = [decay.times(v) for v in vectors]
    return most_harmful(helpful)


def _response(time: float, value: Tensor) -> Tensor:
    """(1 - e^{-value·time}) / value, and its limit `time` at 0."""
    return torch.where(value > 0, -torch.expm1(-time * value) / value, time)


def _decay(time: float, value: Tensor) -> Tensor:
    """e^{-value·time}."""
    return (-time * value).exp()
