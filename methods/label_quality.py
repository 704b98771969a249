"""Scores from the model's outputs and the given labels alone."""

from ..bench.problem import Problem, Scores
from ..bench.registry import method


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
def self_confidence(problem: Problem) -> Scores:
    """1 - p_y: what the model does not give to the label, in sample.

    When: a classifier's own probability is wanted as a score from 0 to 1; it orders rows as the cross-entropy does.

    Args:
        problem: a classifier whose outputs are logits.

    Cost (forward): one forward pass.
    """
    p = problem.probabilities().cpu()
    return (1 - p.gather(1, problem.train.y.cpu()[:, None])[:, 0]).numpy()


@method(family="label quality", paper="Northcutt et al. 2021 (normalized margin)")
def margin(problem: Problem) -> Scores:
    """max_{k≠y} p_k - p_y: how far the label lies behind the best other class, in sample.

    When: a classifier is to be asked by how much it prefers another label; hardly different from `loss` in the order of
    rows.

    Args:
        problem: a classifier whose outputs are logits.

    Cost (forward): one forward pass.
    """
    p, y = problem.probabilities().cpu(), problem.train.y.cpu()[:, None]
    return (p.scatter(1, y, -1).amax(1) - p.gather(1, y)[:, 0]).numpy()
