"""Data valuation: what a row is worth to a classifier that is fitted on it and others. Scores are minus the value."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import betabinom
from torch import Tensor

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.progress import bar
from ...bench.registry.method import method
from ..features import features
from .least_squares import Game, Utility, within

ORDERS_AT_LEAST = 10


@method(family="data valuation", paper="Ghorbani & Zou 2019, algorithm 1 (TMC-Shapley)", uses={"validation"})
def tmc_shapley(
    problem: Problem, evaluations: int = 100_000, tolerance: float = 0.01, utility: Utility = "squared-error"
) -> Scores:
    """Minus the Shapley value: the mean over random orders of what a row adds to those before it, truncated.

    An order is broken off, and the rest of its rows add nothing, where the utility is nearer to that of all rows than
    `tolerance` times the whole gain over no rows. The utility is that of a least-squares classifier on the last layer's
    inputs (`methods/least_squares.py`).

    When: Shapley values themselves are wanted, as a yardstick for what is faster. Up to 10,000 rows.

    Args:
        problem: a classifier with validation rows, m of them.
        evaluations: of the utility; the orders are as many as these allow.
        tolerance: 0 for no truncation.
        utility: minus the squared error, or the accuracy, on the validation rows.

    Cost (fits): two forward passes and O(evaluations (d² + m d + m C)).

    Raises:
        InputError: if the evaluations do not suffice for ten orders.
    """
    order = problem.sampling_order()
    orders = _orders(problem, len(order), evaluations)
    game = Game.of(problem, utility, order)
    near = tolerance * (game.of_all - game.of_none).abs()
    values = marginal_contributions(game, orders, float(near)).mean(0)
    return -_back(values, order)


@method(family="data valuation", paper="Kwon & Zou 2022, eq. 5 (Beta Shapley)", uses={"validation"})
def beta_shapley(
    problem: Problem,
    evaluations: int = 100_000,
    alpha: float = 16.0,
    beta: float = 1.0,
    utility: Utility = "squared-error",
) -> Scores:
    """Minus the Beta(α, β) Shapley value: what a row adds, the more weight the fewer rows there are before it.

    Of the rows before it there are j with the probability of a beta-binomial distribution (n - 1, β, α). The utility is
    that of a least-squares classifier on the last layer's inputs (`methods/least_squares.py`).

    When: a row's value is wanted rather than doubts about its label: it weighs what a row adds to few others, where
    wrong labels show most. Up to 10,000 rows.

    Args:
        problem: a classifier with validation rows, m of them.
        evaluations: of the utility; the random orders are as many as these allow.
        alpha: above β for more weight on few rows; the paper's best are 16 and 4.
        beta: with α = β = 1 it is the Shapley value.
        utility: minus the squared error, or the accuracy, on the validation rows.

    Cost (fits): two forward passes and O(evaluations (d² + m d + m C)).

    Raises:
        InputError: if the evaluations do not suffice for ten orders, or α or β is not above 0.
    """
    if alpha <= 0 or beta <= 0:
        raise InputError(f"alpha={alpha}, beta={beta} do not fit: they must be above 0")
    order = problem.sampling_order()
    orders, n = _orders(problem, len(order), evaluations), len(order)
    weight = n * torch.from_numpy(betabinom.pmf(np.arange(n), n - 1, beta, alpha))
    values = marginal_contributions(Game.of(problem, utility, order), orders, 0.0, weight).mean(0)
    return -_back(values, order)


@method(family="data valuation", paper="Wang & Jia 2023, section 4.2 (Banzhaf, MSR estimator)", uses={"validation"})
def banzhaf(problem: Problem, evaluations: int = 3000, utility: Utility = "squared-error") -> Scores:
    """Minus the Banzhaf value: the mean utility of random subsets with the row less that of those without it.

    Every row is in a subset with probability one half. The utility is that of a least-squares classifier on the last
    layer's inputs (`methods/least_squares.py`).

    When: a row's value to a classifier is wanted, and utilities are noisy: it is the value that this disturbs least. Up
    to some thousand rows; for more take `knn-shapley`.

    Args:
        problem: a classifier with validation rows, m of them.
        evaluations: of the utility, one per subset.
        utility: minus the squared error, or the accuracy, on the validation rows.

    Cost (fits): two forward passes and O(evaluations (n d² + d³ + m d C)).

    Raises:
        InputError: if there are more rows than evaluations, which then cannot tell them apart.
    """
    order = problem.sampling_order()
    within(evaluations, len(order), f"banzhaf of {len(order):,} rows")
    game = Game.of(problem, utility, order)
    draw = torch.Generator().manual_seed(problem.seed)
    inside = torch.rand(evaluations, len(order), generator=draw) < 0.5
    worth = torch.empty(evaluations, dtype=torch.float64)
    with bar("fitting on subsets", evaluations) as advance:
        for number, mask in enumerate(inside):
            worth[number] = game.of_subset(mask)
            advance(1)
    with_row = inside.double()
    values = worth @ with_row / with_row.sum(0) - worth @ (1 - with_row) / (1 - with_row).sum(0)
    return -_back(values, order)


@method(family="data valuation", paper="Kwon & Zou 2023, eq. 2 (Data-OOB)")
def data_oob(problem: Problem, trees: int = 100) -> Scores:
    """1 - how often the trees that were not fitted on a row give it its label.

    The trees are those of scikit-learn's random forest on the last layer's inputs, each fitted on a bootstrap sample.

    When: nobody can vouch for any rows, and the features are good: it needs neither validation rows nor gradients.

    Args:
        problem: a classifier.
        trees: of the forest; the paper takes 800.

    Cost (fits): one forward pass and the forest's O(trees n √d log n).

    Raises:
        InputError: if every tree was fitted on some row: raise trees.
    """
    from sklearn.ensemble import RandomForestClassifier

    order = problem.sampling_order()
    x, y = features(problem, problem.train)[order].float().numpy(), problem.train.y.cpu()[order].numpy()
    if trees < 1:
        raise InputError(f"trees={trees} does not fit: it must be at least 1")
    forest = RandomForestClassifier(trees, random_state=problem.seed).fit(x, y)
    wrong, out = np.zeros(len(y)), np.zeros(len(y))
    for tree, drawn in zip(forest.estimators_, forest.estimators_samples_, strict=True):
        rows = np.setdiff1d(np.arange(len(y)), drawn)
        if not len(rows):
            continue
        wrong[rows] += forest.classes_[tree.predict(x[rows]).astype(int)] != y[rows]
        out[rows] += 1
    if not out.all():
        raise InputError(f"{int((out == 0).sum())} rows are in the sample of every tree: raise trees={trees}")
    return _back(torch.from_numpy(wrong / out), order)


def marginal_contributions(game: Game, orders: Tensor, near: float = 0.0, weight: Tensor | None = None) -> Tensor:
    """What each row adds to those before it in each of b orders (b, n), as (b, n) by row.

    Args:
        game: of n rows.
        orders: permutations of the rows.
        near: an order is broken off where its utility is nearer than this to that of all rows.
        weight: (n,) of a contribution by the number of rows before it; default 1.
    """
    added = torch.zeros(orders.shape, dtype=torch.float64)
    parts = list(zip(orders.split(game.at_once), added.split(game.at_once), strict=True))
    with bar("adding row by row", len(parts) * orders.shape[1]) as advance:
        for some, of_some in parts:
            before = game.of_none.expand(len(some))
            going = (before - game.of_all).abs() >= near
            for place, now in enumerate(game.of_prefixes(some)):
                gain = (now - before) * going * (1.0 if weight is None else weight[place])
                of_some.scatter_(1, some[:, place : place + 1], gain[:, None])
                going, before = going & ((now - game.of_all).abs() >= near), now
                advance(1)
                if not going.any():
                    break
    return added


def _orders(problem: Problem, n: int, evaluations: int) -> Tensor:
    """As many random orders (b, n) of n rows as the budget of evaluations allows."""
    within(evaluations, ORDERS_AT_LEAST * n, f"adding {n:,} rows one by one in {ORDERS_AT_LEAST} random orders")
    draw = torch.Generator().manual_seed(problem.seed)
    return torch.stack([torch.randperm(n, generator=draw) for _ in range(evaluations // n)])


def _back(values: Tensor, order: Tensor) -> NDArray[np.float64]:
    """Values of rows that were put in an order, as they stood before."""
    return torch.empty_like(values).scatter_(0, order, values).numpy()
