"""The vote of a row's neighbours on its label, among the model's own features."""

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..features import features


@method(family="label quality", paper="Zhu et al. 2022, section 3.2 (SimiFeat, local vote)", classes=True)
def knn_vote(problem: Problem, k: int = 10) -> Scores:
    """The share of a row's k nearest other rows that have another label, by cosine of the last layer's inputs.

    Rows that tie for the last of the k places share the places that are left.

    When: the features come from a model that has not fitted these labels, for example a pretrained encoder.

    Args:
        problem: a classifier; the paper's features come from a model that has seen no labels of these rows.
        k: number of neighbours that vote.

    Cost (forward): one forward pass and O(n² d), with a part of the n × n similarities in memory at a time.

    Raises:
        InputError: if k is below 1, or there are not more than k rows.
    """
    n, y = len(problem.train), problem.train.y.cpu()
    if not 1 <= k < n:
        raise InputError(f"k={k} does not fit {n} training rows: it must be from 1 to {n - 1}")
    h = F.normalize(features(problem, problem.train).double(), dim=1)
    votes = torch.empty(n, dtype=torch.float64)
    for rows in chunks(problem, n, n):
        similarity = h[rows] @ h.T
        similarity.diagonal(rows.start).fill_(-torch.inf)
        last = similarity.topk(k).values[:, -1:]
        other = (y[rows, None] != y).double()
        nearer, tied = similarity > last, similarity == last
        left = k - nearer.sum(1)
        votes[rows] = ((nearer * other).sum(1) + left * (tied * other).sum(1) / tied.sum(1)) / k
    return votes.numpy()


def chunks(problem: Problem, rows: int, columns: int) -> Iterator[slice]:
    """Consecutive slices of a matrix's rows, so that a few float64 copies of a slice fit the memory budget."""
    step = max(1, min(1024, problem.memory_budget // (64 * columns)))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))
