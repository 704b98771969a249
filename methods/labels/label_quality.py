"""Label quality in sample: from the outputs of the given model for its own training rows."""

from typing import Literal

import torch
from torch import Tensor

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method

Labels = Literal["given", "predicted"]
SMALLEST = 1e-6  # a label's probability is at least this in a quotient, as in cleanlab


@method(family="label quality", paper="Arazo et al. 2019 (small-loss criterion)")
def loss(problem: Problem) -> Scores:
    """The loss of each sample under the trained model.

    When: as a first method and a baseline that every other method should beat. It works with any model and any loss.

    Args:
        problem: any model with any loss.

    Cost (forward): one forward pass.
    """
    outputs = problem.outputs()
    return problem.losses(outputs, problem.train.y.to(outputs.device)).detach().double().cpu().numpy()


@method(family="label quality", paper="Müller & Markert 2019; Northcutt et al. 2021 (self-confidence)", classes=True)
def self_confidence(problem: Problem, labels: Labels = "given") -> Scores:
    """1 - p_y: the probability that the model gives to all labels but y, in sample.

    When: you want a score from 0 to 1; it ranks rows as the cross-entropy does.

    Args:
        problem: a classifier whose outputs are logits.
        labels: y is the `given` label, or the `predicted` label: then only the model's uncertainty counts.

    Cost (forward): one forward pass.
    """
    p, y = _probabilities(problem, labels)
    return (1 - p.gather(1, y)[:, 0]).numpy()


@method(family="label quality", paper="Northcutt et al. 2021 (normalized margin)", classes=True)
def margin(problem: Problem, labels: Labels = "given") -> Scores:
    """max_{k≠y} p_k - p_y: how far the label is behind the likeliest other class, in sample.

    When: you want to know by how much the classifier prefers another label. The ranking is almost that of `loss`.

    Args:
        problem: a classifier whose outputs are logits.
        labels: y is the `given` label, or the `predicted` label: then only the model's uncertainty counts.

    Cost (forward): one forward pass.
    """
    p, y = _probabilities(problem, labels)
    return (p.scatter(1, y, -1).amax(1) - p.gather(1, y)[:, 0]).numpy()


@method(family="label quality", paper="Kuan & Mueller 2022, section 3 (confidence-weighted entropy)", classes=True)
def confidence_weighted_entropy(problem: Problem, labels: Labels = "given") -> Scores:
    """-Σ_k p_k log p_k / p_y: the entropy of the prediction, divided by the confidence in the label, in sample.

    When: a row should be suspect if its prediction is spread over many classes, and not only if its label is unlikely.

    Args:
        problem: a classifier whose outputs are logits.
        labels: y is the `given` label, or the `predicted` label: then only the model's uncertainty counts.

    Cost (forward): one forward pass.
    """
    p, y = _probabilities(problem, labels)
    scores: Scores = (torch.special.entr(p).sum(1) / p.gather(1, y)[:, 0].clamp(min=SMALLEST)).numpy()
    return scores


def _probabilities(problem: Problem, labels: Labels) -> tuple[Tensor, Tensor]:
    """Class probabilities (n, classes), and the given or predicted labels (n, 1)."""
    p = problem.probabilities().cpu()
    return p, (problem.train.y.cpu() if labels == "given" else p.argmax(1))[:, None]
