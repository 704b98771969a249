"""Neighbours among the model's own features: their vote on a label, and a row's Shapley value as a neighbour."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..features import features


@method(family="label quality", paper="Zhu et al. 2022, section 3.2 (SimiFeat, local vote)")
def knn_vote(problem: Problem, k: int = 10) -> Scores:
    """The share of a row's k nearest other rows that have another label; cosine of the last layer's inputs.

    Rows that are equally far at the end of the k share the places that are left.

    When: features come from a model that has not fitted these labels, as of a pretrained encoder.

    Args:
        problem: a classifier; the paper takes features of a model that has seen no labels of these rows.
        k: neighbours that vote.

    Cost (forward): one forward pass and O(n² d), with a part of the n × n similarities in memory at a time.

    Raises:
        InputError: if there are not more than k rows.
    """
    n, y = len(problem.train), problem.train.y.cpu()
    if not 1 <= k < n:
        raise InputError(f"k={k} does not fit {n} training rows: it must be from 1 to {n - 1}")
    h = F.normalize(features(problem, problem.train).double(), dim=1)
    against = torch.empty(n, dtype=torch.float64)
    for rows in chunks(problem, n, n):
        similarity = h[rows] @ h.T
        similarity.diagonal(rows.start).fill_(-torch.inf)
        last = similarity.topk(k).values[:, -1:]
        other = (y[rows, None] != y).double()
        nearer, level = similarity > last, similarity == last
        left = k - nearer.sum(1)
        against[rows] = ((nearer * other).sum(1) + left * (level * other).sum(1) / level.sum(1)) / k
    return against.numpy()


@method(family="data valuation", paper="Jia et al. 2019, theorem 1 (KNN-Shapley)", uses={"validation"})
def knn_shapley(problem: Problem, k: int = 5) -> Scores:
    """Minus the exact Shapley value of each row for a k-nearest-neighbour classifier of the validation rows.

    The utility of some rows for a validation row is the share of its label among the k nearest of them, Euclidean
    distance of the last layer's inputs; fewer than k rows are still counted as shares of k.

    When: a row's value is wanted for many rows: exact, without sampling, and the quickest of the data values.

    Args:
        problem: a classifier with validation rows, m of them.
        k: neighbours that the classifier asks.

    Cost (forward): two forward passes and O(m n (d + log n)), with a part of the m × n distances in memory at a time.

    Raises:
        InputError: if k is below 1.
    """
    if k < 1:
        raise InputError(f"k={k} does not fit: it must be at least 1")
    by_label = torch.argsort(problem.train.y.cpu(), stable=True)  # equal rows of one label lie side by side when sorted
    h, y = features(problem, problem.train)[by_label].double(), problem.train.y.cpu()[by_label]
    valid, valid_y = features(problem, problem.validation).double(), problem.validation.y.cpu()
    values = torch.zeros(len(y), dtype=torch.float64)
    for rows in chunks(problem, len(valid), len(y)):
        values[by_label] += _shapley(torch.cdist(valid[rows], h), valid_y[rows, None] == y, k).sum(0)
    values[by_label[~h.isfinite().all(1)]] = torch.nan  # which sorting takes for far away
    return (-values / len(valid)).numpy()


def _shapley(distance: Tensor, match: Tensor, k: int) -> Tensor:
    """Shapley values (m, n) of n rows for each of m others, by the recursion from the farthest row to the nearest."""
    n = distance.shape[1]
    order = distance.argsort(dim=1, stable=True)
    share = match.gather(1, order).double() / k
    rank = torch.arange(1, n + 1, dtype=torch.float64)
    steps = share.clone()
    steps[:, :-1] -= share[:, 1:]
    steps *= rank.clamp(max=k) / rank
    return torch.empty_like(share).scatter_(1, order, steps.flip(1).cumsum(1).flip(1))


def chunks(problem: Problem, rows: int, columns: int) -> Iterator[slice]:
    """Consecutive rows of a matrix so that some copies of such a part fit the memory budget."""
    step = max(1, min(1024, problem.memory_budget // (64 * columns)))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))
