"""Banzhaf values from random subsets."""

import torch

from ...bench.problem.problem import Problem, Scores
from ...bench.progress import bar
from ...bench.registry.method import method
from .least_squares import Game, Utility, check_budget, in_row_order


@method(
    family="data valuation",
    paper="Wang & Jia 2023, section 4.2 (Banzhaf, MSR estimator)",
    uses={"validation"},
    classes=True,
)
def banzhaf(problem: Problem, evaluations: int = 3000, utility: Utility = "squared-error") -> Scores:
    """Minus the Banzhaf value: the mean utility of random subsets with the row, minus that of subsets without it.

    A subset contains each row with probability 1/2. The utility is that of a least-squares classifier on the last
    layer's inputs (`methods/valuation/least_squares.py`).

    When: you want a row's value to a classifier and utilities are noisy: of the data values it changes least with the
    noise. Up to a few thousand rows; for more take `knn-shapley`.

    Args:
        problem: a classifier with validation rows, m of them.
        evaluations: number of subsets, with one utility evaluation each.
        utility: minus the squared error, or the accuracy, on the validation rows.

    Cost (fits): two forward passes and O(evaluations (n d² + d³ + m d C)).

    Raises:
        InputError: if there are more rows than evaluations, which then cannot separate the rows, or the subsets do not
            fit the memory budget.
    """
    order = problem.sampling_order()
    check_budget(evaluations, len(order), f"banzhaf of {len(order):,} rows")
    problem.afford(17 * evaluations * len(order), f"{evaluations:,} subsets of {len(order):,} rows")
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
    return -in_row_order(values, order)
