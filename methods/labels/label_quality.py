"""Scores from the model's outputs and the given labels alone."""

from typing import Literal

import torch
from torch import Tensor

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method

Labels = Literal["given", "predicted"]
SMALLEST = 1e-6  # probability of a label, as in cleanlab: below it all are alike


@method(family="label quality", paper="Arazo et al. 2019 (small-loss criterion)")
def loss(problem: Problem) -> Scores:
    """The loss of each sample under the trained model.

    When: to begin with, as the criterion that every other method has to beat; from any model with any loss.

    Args:
        problem: with any loss.

    Cost (forward): one forward pass.
    """
    outputs = problem.outputs()
    return problem.losses(outputs, problem.train.y.to(outputs.device)).double().cpu().numpy()


@method(family="label quality", paper="Müller & Markert 2019; Northcutt et al. 2021 (self-confidence)")
def self_confidence(problem: Problem, labels: Labels = "given") -> Scores:
    """1 - p_y: what the model does not give to the label, in sample.

    When: a classifier's own probability is wanted as a score from 0 to 1; it orders rows as the cross-entropy does.

    Args:
        problem: a classifier whose outputs are logits.
        labels: y is the given label, or the predicted one, which leaves the model's uncertainty alone.

    Cost (forward): one forward pass.
    """
    p, y = _probabilities(problem, labels)
    return (1 - p.gather(1, y)[:, 0]).numpy()


@method(family="label quality", paper="Northcutt et al. 2021 (normalized margin)")
def margin(problem: Problem, labels: Labels = "given") -> Scores:
    """max_{k≠y} p_k - p_y: how far the label lies behind the best other class, in sample.

    When: a classifier is to be asked by how much it prefers another label; hardly different from `loss` in the order of
    rows.

    Args:
        problem: a classifier whose outputs are logits.
        labels: y is the given label, or the predicted one, which leaves the model's uncertainty alone.

    Cost (forward): one forward pass.
    """
    p, y = _probabilities(problem, labels)
    return (p.scatter(1, y, -1).amax(1) - p.gather(1, y)[:, 0]).numpy()


@method(family="label quality", paper="Kuan & Mueller 2022, section 3 (confidence-weighted entropy)")
def confidence_weighted_entropy(problem: Problem, labels: Labels = "given") -> Scores:
    """-Σ_k p_k log p_k / p_y: the entropy of the prediction over the confidence in the label, in sample.

    When: a row whose prediction is spread over many classes should count as well as one whose label is unlikely.

    Args:
        problem: a classifier whose outputs are logits.
        labels: y is the given label, or the predicted one, which leaves the model's uncertainty alone.

    Cost (forward): one forward pass.
    """
    p, y = _probabilities(problem, labels)
    scores: Scores = (torch.special.entr(p).sum(1) / p.gather(1, y)[:, 0].clamp(min=SMALLEST)).numpy()
    return scores


def _probabilities(problem: Problem, labels: Labels) -> tuple[Tensor, Tensor]:
    """Class probabilities (n, classes), and labels (n, 1)."""
    p = problem.probabilities().cpu()
    return p, (problem.train.y.cpu() if labels == "given" else p.argmax(1))[:, None]
