"""Exact Shapley values for a classifier by nearest neighbours."""

import torch
from torch import Tensor

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..features import features
from ..labels.neighbours import chunks


@method(family="data valuation", paper="Jia et al. 2019, theorem 1 (KNN-Shapley)", uses={"validation"}, classes=True)
def knn_shapley(problem: Problem, k: int = 5) -> Scores:
    """Minus the exact Shapley value of each row for a k-nearest-neighbour classifier of the validation rows.

    The utility of a set of rows for a validation row is the share of the k rows nearest to it that have its label, by
    Euclidean distance of the last layer's inputs. A set of fewer than k rows counts each of them as 1/k too.

    When: you want the values of many rows: they are exact, without sampling, and the cheapest of the data values.

    Args:
        problem: a classifier with validation rows, m of them.
        k: number of neighbours of the classifier.

    Cost (forward): two forward passes and O(m n (d + log n)), with a part of the m × n distances in memory at a time.

    Raises:
        InputError: if k is below 1.
    """
    if k < 1:
        raise InputError(f"k={k} does not fit: it must be at least 1")
    by_label = torch.argsort(problem.train.y.cpu(), stable=True)  # so that sorting keeps equal rows of a label together
    h, y = features(problem, problem.train)[by_label].double(), problem.train.y.cpu()[by_label]
    valid, valid_y = features(problem, problem.validation).double(), problem.validation.y.cpu()
    values = torch.zeros(len(y), dtype=torch.float64)
    for rows in chunks(problem, len(valid), len(y)):
        values[by_label] += _shapley(torch.cdist(valid[rows], h), valid_y[rows, None] == y, k).sum(0)
    values[by_label[~h.isfinite().all(1)]] = torch.nan  # sorting has put these rows last, as if they were far away
    return (-values / len(valid)).numpy()


def _shapley(distance: Tensor, match: Tensor, k: int) -> Tensor:
    """Shapley values (m, n) of n rows for each of m validation rows, by recursion from the farthest row to the nearest.

    Args:
        distance: distances (m, n) of the validation rows from the rows.
        match: whether (m, n) the labels are equal.
        k: number of neighbours of the classifier.
    """
    n = distance.shape[1]
    order = distance.argsort(dim=1, stable=True)
    share = match.gather(1, order).double() / k
    rank = torch.arange(1, n + 1, dtype=torch.float64)
    steps = share.clone()
    steps[:, :-1] -= share[:, 1:]
    steps *= rank.clamp(max=k) / rank
    return torch.empty_like(share).scatter_(1, order, steps.flip(1).cumsum(1).flip(1))
