"""Outlier gradients between rows: a group of training rows influences the validation rows that fit into it.

An isolation forest on the gradients of the group says how well the gradient of a validation row fits.
"""

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
    """How well the validation row's gradient fits among those of the training row's cluster, by isolation forests.

    The clusters come from k-means on the directions of the training gradients; each cluster has a forest.

    When: you do not know the kinds of the rows. All rows of a cluster score the same; `pairwise-cosine` says which of
    them matter.

    Args:
        problem: with validation rows.
        clusters: number of clusters; the paper's tasks have ten classes.
        layers: the layers whose gradients are used.

    Cost (gradients): two forward passes for the last layer, else two epochs; and k-means and the forests. Refused where
    the gradients (n, p) are above the memory budget.

    Raises:
        InputError: if clusters is below 1.
    """
    if clusters < 1:
        raise InputError(f"clusters={clusters} does not fit: it must be at least 1")
    space, order = gradient_space(problem, layers), problem.sampling_order()
    copies = 3 * 8 * len(space.train) * space.size  # in other orders, and k-means has its own
    directions = torch.nn.functional.normalize(space.train.matrix(torch.float64, copies))[order]
    means = KMeans(min(clusters, len(order)), n_init=10, random_state=problem.seed).fit(directions.numpy())
    cluster = torch.empty_like(order)
    cluster[order] = torch.from_numpy(means.labels_).to(order)
    return _fit_to_groups(space, cluster, order)


@method(
    family="outlier gradient",
    paper="Chhabra et al. 2025, arXiv 2405.03869, section 7, as its code runs it",
    uses={"validation", "groups"},
    pairwise=True,
)
def pairwise_outlier_gradient_paper(problem: Problem, layers: Layers = "last") -> Scores:
    """How well the validation row's gradient fits among those of the training row's class, by isolation forests.

    The method knows the class of each training row, fits a forest to each class, and gives all rows of a class the same
    influence. What remains to find is the class of the validation row.

    When: you compare with the paper's figures; else take `pairwise-outlier-gradient`.

    Args:
        problem: with validation rows and the kinds of the training rows.
        layers: the layers whose gradients are used.

    Cost (gradients): two forward passes for the last layer, else two epochs; and the forests. Refused where the
    gradients (n, p) are above the memory budget.
    """
    return _fit_to_groups(gradient_space(problem, layers), problem.known_groups, problem.sampling_order())


def _fit_to_groups(space: GradientSpace, group: Tensor, order: Tensor) -> Scores:
    """Influences (n_train, n_valid): minus the anomaly of a validation row's gradient among those of the row's group.

    Args:
        space: the gradients.
        group: the group (n_train,) of each training row.
        order: the order in which the forests get the training rows.
    """
    copies = 2 * 8 * max(len(space.train), len(space.valid)) * space.size
    train, valid = (rows.matrix(torch.float64, copies).numpy() for rows in (space.train, space.valid))
    influence = np.empty((len(train), len(valid)))
    for number in group.unique():
        rows = order[group[order] == number].numpy()
        influence[rows] = IsolationForest(random_state=space.problem.seed).fit(train[rows]).score_samples(valid)
    return influence
