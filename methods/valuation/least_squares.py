"""The utility of a set of training rows: how well a least-squares classifier fitted on them does on validation rows.

The classifier has a closed form, so a utility evaluation needs no training, and adding or removing a row is a rank-one
update.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ..features import features, standardized

Utility = Literal["squared-error", "accuracy"]


@dataclass(frozen=True)
class Game:
    """The utility of every set of rows, by ridge regression in float64.

    The regression is of the one-hot labels on the last layer's standardised inputs and a column of ones, with λ = 1.
    Without any rows every output is 0.

    Args:
        x, y: training rows (n, d) and their one-hot labels (n, C).
        valid_x, valid_y: validation rows (m, d) and their one-hot labels (m, C).
        utility: `squared-error`, minus the mean squared distance of the outputs on the validation rows to their one-hot
            labels, or `accuracy`, where a tie of c largest outputs counts 1/c if the right one is among them.
        memory_budget: bytes that simultaneous evaluations may take.
    """

    x: Tensor
    y: Tensor
    valid_x: Tensor
    valid_y: Tensor
    utility: Utility
    memory_budget: int

    @classmethod
    def of(cls, problem: Problem, utility: Utility, order: Tensor | None = None) -> "Game":
        """The game of a problem's training rows, put in an order, by default their own."""
        valid = problem.validation
        y, valid_y = problem.train.y.cpu(), valid.y.cpu()
        classes = int(max(y.max(), valid_y.max())) + 1
        x, valid_x = standardized(features(problem, problem.train), features(problem, valid))
        order = torch.arange(len(y)) if order is None else order
        label, valid_label = (F.one_hot(given, classes).double() for given in (y, valid_y))
        return cls(x[order], label[order], valid_x, valid_label, utility, problem.memory_budget)

    @property
    def at_once(self) -> int:
        """The number of simultaneous evaluations that fit half the memory budget."""
        numbers = 2 * self.x.shape[1] ** 2 + 4 * self.valid_y.numel() + self.x.shape[1] * self.y.shape[1]
        return max(1, self.memory_budget // (2 * 8 * numbers))

    def worth(self, outputs: Tensor) -> Tensor:
        """The utility (...,) of outputs (..., m, C) on the validation rows."""
        return worth(outputs, self.valid_y, self.utility)

    def of_subset(self, rows: Tensor) -> Tensor:
        """The utility of the rows of some indices, or of a mask (n,)."""
        return self.worth(self.valid_x @ self._fitted(self.x[rows], self.y[rows]))

    @cached_property
    def of_all(self) -> Tensor:
        """The utility of all rows."""
        return self.of_subset(torch.arange(len(self.x)))

    @cached_property
    def of_none(self) -> Tensor:
        """The utility without any rows."""
        return self.worth(torch.zeros_like(self.valid_y))

    def without_each(self) -> Tensor:
        """The utilities (n,) of all rows but one, for each row left out, by the Sherman-Morrison formula."""
        inverse = torch.linalg.inv(self.x.T @ self.x + torch.eye(self.x.shape[1], dtype=torch.float64))
        weight = inverse @ self.x.T @ self.y
        outputs, gains = self.valid_x @ weight, self.x @ inverse
        leverage = (gains * self.x).sum(1, keepdim=True)
        residuals = (self.y - self.x @ weight) / (1 - leverage)
        parts = zip(gains.split(self.at_once), residuals.split(self.at_once), strict=True)
        return torch.cat([self.worth(outputs - (g @ self.valid_x.T)[:, :, None] * r[:, None, :]) for g, r in parts])

    def of_prefixes(self, orders: Tensor) -> Iterator[Tensor]:
        """The utilities (b,) of the first 1, 2, ..., n rows of each of b orders (b, n), by recursive least squares."""
        b, d = len(orders), self.x.shape[1]
        inverse = torch.eye(d, dtype=torch.float64).repeat(b, 1, 1)
        weight = torch.zeros(b, d, self.y.shape[1], dtype=torch.float64)
        outputs = torch.zeros(b, *self.valid_y.shape, dtype=torch.float64)
        for rows in orders.T:
            x = self.x[rows]
            direction = (inverse @ x[:, :, None])[:, :, 0]
            gain = direction / (1 + (direction * x).sum(1, keepdim=True))
            residual = self.y[rows] - (x[:, None, :] @ weight)[:, 0]
            inverse.baddbmm_(gain[:, :, None], direction[:, None, :], alpha=-1)
            weight.baddbmm_(gain[:, :, None], residual[:, None, :])
            outputs.baddbmm_((gain @ self.valid_x.T)[:, :, None], residual[:, None, :])
            yield self.worth(outputs)

    def _fitted(self, x: Tensor, y: Tensor) -> Tensor:
        """The weights (d, C) of the regression on these rows."""
        solution: Tensor = torch.linalg.solve(x.T @ x + torch.eye(x.shape[1], dtype=torch.float64), x.T @ y)
        return solution


def worth(outputs: Tensor, labels: Tensor, utility: Utility) -> Tensor:
    """The utility (...,) of outputs (..., m, C) for one-hot labels (m, C)."""
    if utility == "squared-error":
        return -(outputs - labels).square().sum(-1).mean(-1)
    best = outputs == outputs.amax(-1, keepdim=True)
    return ((best * labels).sum(-1) / best.sum(-1)).mean(-1)


def in_row_order(values: Tensor, order: Tensor) -> Scores:
    """Values (n,) of rows that were put in an order, in the order that they had before."""
    return torch.empty_like(values).scatter_(0, order, values).numpy()


def check_budget(budget: int, needed: int, what: str) -> None:
    """Refuse a computation that takes more utility evaluations than the budget allows.

    Raises:
        InputError: if it does; `what` is the subject of the message.
    """
    if needed > budget:
        raise InputError(
            f"{what} takes {needed:,} utility evaluations, above the budget of {budget:,}: "
            f"raise evaluations, or score fewer rows"
        )
