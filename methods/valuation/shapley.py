"""Shapley and Beta Shapley values from random orders: a row's mean contribution to the rows before it."""

import numpy as np
import torch
from scipy.stats import betabinom
from torch import Tensor

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.progress import bar
from ...bench.registry.method import method
from .least_squares import Game, Utility, check_budget, in_row_order

FEWEST_ORDERS = 10


@method(
    family="data valuation",
    paper="Ghorbani & Zou 2019, algorithm 1 (TMC-Shapley)",
    uses={"validation"},
    classes=True,
)
def tmc_shapley(
    problem: Problem, evaluations: int = 100_000, tolerance: float = 0.01, utility: Utility = "squared-error"
) -> Scores:
    """Minus the Shapley value: the mean over random orders of what a row adds to those before it, truncated.

    An order is truncated, and its remaining rows add nothing, as soon as the utility is nearer to that of all rows than
    `tolerance` times the gain of all rows over none. The utility is that of a least-squares classifier on the last
    layer's inputs (`methods/valuation/least_squares.py`).

    When: you want Shapley values themselves, to check faster methods against. Up to 10,000 rows.

    Args:
        problem: a classifier with validation rows, m of them.
        evaluations: budget of utility evaluations; it sets the number of random orders.
        tolerance: where to truncate; 0 for no truncation.
        utility: minus the squared error, or the accuracy, on the validation rows.

    Cost (fits): two forward passes and O(evaluations (d² + m d + m C)).

    Raises:
        InputError: if the evaluations do not suffice for ten orders.
    """
    order = problem.sampling_order()
    orders = _random_orders(problem, len(order), evaluations)
    game = Game.of(problem, utility, order)
    near = tolerance * (game.of_all - game.of_none).abs()
    values = marginal_contributions(game, orders, float(near)).mean(0)
    return -in_row_order(values, order)


@method(family="data valuation", paper="Kwon & Zou 2022, eq. 5 (Beta Shapley)", uses={"validation"}, classes=True)
def beta_shapley(
    problem: Problem,
    evaluations: int = 100_000,
    alpha: float = 16.0,
    beta: float = 1.0,
    utility: Utility = "squared-error",
) -> Scores:
    """Minus the Beta(α, β) Shapley value: what a row adds, with more weight where fewer rows are before it.

    The weight of a contribution to j rows is their probability under a beta-binomial distribution (n - 1, β, α). The
    utility is that of a least-squares classifier on the last layer's inputs (`methods/valuation/least_squares.py`).

    When: you want a row's value rather than a doubt about its label. It weights contributions to few rows most, where
    wrong labels show best. Up to 10,000 rows.

    Args:
        problem: a classifier with validation rows, m of them.
        evaluations: budget of utility evaluations; it sets the number of random orders.
        alpha: above β for more weight on few rows; 16 and 4 are best in the paper.
        beta: with α = β = 1 the value is the Shapley value.
        utility: minus the squared error, or the accuracy, on the validation rows.

    Cost (fits): two forward passes and O(evaluations (d² + m d + m C)).

    Raises:
        InputError: if the evaluations do not suffice for ten orders, or α or β is not above 0.
    """
    if alpha <= 0 or beta <= 0:
        raise InputError(f"alpha={alpha}, beta={beta} do not fit: they must be above 0")
    order = problem.sampling_order()
    orders, n = _random_orders(problem, len(order), evaluations), len(order)
    weight = n * torch.from_numpy(betabinom.pmf(np.arange(n), n - 1, beta, alpha))
    values = marginal_contributions(Game.of(problem, utility, order), orders, 0.0, weight).mean(0)
    return -in_row_order(values, order)


def marginal_contributions(game: Game, orders: Tensor, near: float = 0.0, weight: Tensor | None = None) -> Tensor:
    """What each row adds to the utility of the rows before it, in each of b orders (b, n); by row (b, n).

    Args:
        game: the utility of sets of n rows.
        orders: permutations of the rows.
        near: an order is truncated where its utility differs by less than this from that of all rows.
        weight: factors (n,) of a contribution, by the number of rows before it; default 1.
    """
    added = torch.zeros(orders.shape, dtype=torch.float64)
    parts = list(zip(orders.split(game.at_once), added.split(game.at_once), strict=True))
    with bar("adding row by row", len(parts) * orders.shape[1]) as advance:
        for permutations, contributions in parts:
            before = game.of_none.expand(len(permutations))
            going = (before - game.of_all).abs() >= near
            for place, now in enumerate(game.of_prefixes(permutations)):
                gain = (now - before) * going * (1.0 if weight is None else weight[place])
                contributions.scatter_(1, permutations[:, place : place + 1], gain[:, None])
                going, before = going & ((now - game.of_all).abs() >= near), now
                advance(1)
                if not going.any():
                    break
    return added


def _random_orders(problem: Problem, n: int, evaluations: int) -> Tensor:
    """As many random orders (b, n) of n rows as the budget of evaluations allows."""
    check_budget(evaluations, FEWEST_ORDERS * n, f"adding {n:,} rows one by one in {FEWEST_ORDERS} random orders")
    draw = torch.Generator().manual_seed(problem.seed)
    return torch.stack([torch.randperm(n, generator=draw) for _ in range(evaluations // n)])
