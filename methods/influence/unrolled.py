"""SOURCE: training unrolled approximately, in segments in which curvature and gradients stand still."""

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

    Curvature C_s, gradient ḡ_s and learning rate η̄ are means over the segment's checkpoints. There is no damping: where
    C_s is 0, (1 - e^{-η̄KC_s}) / C_s is η̄K. Steps are taken to be those of plain SGD, whatever the optimiser.

    When: training was stopped short of convergence, or went in stages, and checkpoints of it are kept; it was trained
    with SGD.

    Args:
        problem: with validation rows, whose mean gradient v is taken at the last checkpoint.
        segments: that the checkpoints are cut into, as many as there are checkpoints at most.
        steps: of the optimiser from beginning to end, K for each of the segments; checkpoints do not record them.
        curvature: C, the Fisher information by K-FAC or EK-FAC.
        layers: whose parameters the gradients are taken for.
        labels: `sampled` from the model's own probabilities, as the Fisher information has them, or `given`.
        against: the validation rows, the class of them that suffers most, or the training rows.

    Cost (gradients): three passes per checkpoint and, in each, products with the square of the layers' widths.
    """
    if segments < 1 or steps < 1:
        raise InputError("source needs segments and steps of at least 1")
    parts = np.array_split(np.arange(len(problem.checkpoints)), min(segments, len(problem.checkpoints)))
    states = queries(gradient_space(problem, layers, problem.checkpoints[-1]), against)
    helpful = torch.zeros(())
    for part in reversed(parts):
        checkpoints = [problem.checkpoints[k] for k in part]
        spaces = [gradient_space(problem, layers, checkpoint) for checkpoint in checkpoints]
        matrix = fisher(problem, spaces, curvature, labels)
        rate = sum(checkpoint.learning_rate for checkpoint in checkpoints) / len(checkpoints)
        time = rate * steps / len(parts)
        response, decay = matrix.mapped(partial(_response, time)), matrix.mapped(partial(_decay, time))
        responses = [response.times(state) for state in states]
        helpful = helpful + sum(products(space.train, responses) for space in spaces) / len(spaces)
        states = [decay.times(state) for state in states]
    return most_harmful(helpful)


def _response(time: float, value: Tensor) -> Tensor:
    """(1 - e^{-value·time}) / value, and its limit `time` at 0."""
    return torch.where(value > 0, -torch.expm1(-time * value) / value, time)


def _decay(time: float, value: Tensor) -> Tensor:
    return (-time * value).exp()
