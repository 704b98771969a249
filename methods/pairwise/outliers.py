"""Outlier gradients between rows: a validation row is influenced by the training rows among which it is no outlier."""

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from torch import Tensor

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.selection import Layers
from ..gradients.space import GradientSpace, gradient_space


@method(
    family="outlier gradient",
    paper="after Chhabra et al. 2025, section 7, without the classes",
    uses={"validation"},
    pairwise=True,
)
def pairwise_outlier_gradient(problem: Problem, clusters: int = 10, layers: Layers = "last") -> Scores:
    """How far inside the gradients of a training row's cluster the other row's gradient lies, by isolation forests.

    The clusters are those that k-means finds among the directions of the training gradients, one forest for each.

    When: the answers' kinds are not known; next to `pairwise-cosine`, which says which rows of a cluster count.

    Args:
        problem: with validation rows.
        clusters: how many; the paper's tasks have ten classes.
        layers: whose parameters the gradients are taken for.

    Cost (gradients): two forward passes for the last layer, else two epochs, and that of k-means and the forests;
    refused where the gradients (n, p) are above the memory budget.
    """
    if clusters < 1:
        raise InputError(f"clusters={clusters} does not fit: it must be at least 1")
    space, order = gradient_space(problem, layers), problem.sampling_order()
    directions = torch.nn.functional.normalize(space.train.matrix().double())[order]
    means = KMeans(min(clusters, len(order)), n_init=10, random_state=problem.seed).fit(directions.numpy())
    cluster = torch.empty_like(order)
    cluster[order] = torch.from_numpy(means.labels_).to(order)
    return _insideness(space, cluster, order)


@method(
    family="outlier gradient",
    paper="Chhabra et al. 2025, arXiv 2405.03869, section 7, as its code runs it",
    uses={"validation", "groups"},
    pairwise=True,
)
def pairwise_outlier_gradient_paper(problem: Problem, layers: Layers = "last") -> Scores:
    """How far inside the gradients of a training row's class the other row's gradient lies, by isolation forests.

    The method is told the class of each training row, fits one forest to each class, and gives all rows of a class the
    same influence: what is left to find is the class of the validation row.

    When: the paper's figures are to be set beside ours; else take `pairwise-outlier-gradient`.

    Args:
        problem: with validation rows and the kinds of the training rows.
        layers: whose parameters the gradients are taken for.

    Cost (gradients): two forward passes for the last layer, else two epochs, and that of the forests; refused
    where the gradients (n, p) are above the memory budget.
    """
    return _insideness(gradient_space(problem, layers), problem.known_groups, problem.sampling_order())


def _insideness(space: GradientSpace, group: Tensor, order: Tensor) -> Scores:
    """Influences (n_train, n_valid): minus the anomaly of each validation row's gradient among those of each group."""
    train, valid = (rows.matrix().double().numpy() for rows in (space.train, space.valid))
    influence = np.empty((len(train), len(valid)))
    for one in group.unique():
        rows = order[group[order] == one].numpy()
        influence[rows] = IsolationForest(random_state=space.problem.seed).fit(train[rows]).score_samples(valid)
    return influence
