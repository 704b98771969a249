"""The utility of some training rows: how well a least-squares classifier fitted on them does on the validation rows.

Its closed form makes a utility evaluation cost no training: leaving one row out, or adding one, is a rank-one change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ...bench.errors import InputError
from ...bench.problem.problem import Problem
from ..features import features, standardized

Utility = Literal["squared-error", "accuracy"]


@dataclass(frozen=True)
class Game:
    """Ridge regression of the one-hot labels (λ = 1) on the last layer's standardised inputs and a one, float64.

    Without any rows every output is 0.

    Args:
        x, y: training rows (n, d) and their one-hot labels (n, C).
        valid_x, valid_y: validation rows (m, d) and (m, C).
        utility: of outputs on the validation rows: minus their mean squared distance to the one-hot label, or how many
            of them are right, where c equal outputs count 1/c.
        memory_budget: bytes that evaluations made at once may take.
    """

    x: Tensor
    y: Tensor
    valid_x: Tensor
    valid_y: Tensor
    utility: Utility
    memory_budget: int

    @classmethod
    def of(cls, problem: Problem, utility: Utility, order: Tensor | None = None) -> "Game":
        """The game of a problem's training rows, in the given order of them."""
        valid = problem.validation
        y, valid_y = problem.train.y.cpu(), valid.y.cpu()
        classes = int(max(y.max(), valid_y.max())) + 1
        x, valid_x = standardized(features(problem, problem.train), features(problem, valid))
        order = torch.arange(len(y)) if order is None else order
        label, valid_label = (F.one_hot(given, classes).double() for given in (y, valid_y))
        return cls(x[order], label[order], valid_x, valid_label, utility, problem.memory_budget)

    @property
    def at_once(self) -> int:
        """How many evaluations fit half the memory budget."""
        numbers = 2 * self.x.shape[1] ** 2 + 4 * self.valid_y.numel() + self.x.shape[1] * self.y.shape[1]
        return max(1, self.memory_budget // (2 * 8 * numbers))

    def worth(self, outputs: Tensor) -> Tensor:
        """The utility (...,) of outputs (..., m, C) on the validation rows."""
        return worth(outputs, self.valid_y, self.utility)

    def of_subset(self, rows: Tensor) -> Tensor:
        """The utility of some rows, by their indices or as a mask (n,)."""
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
        """The utilities (n,) of all rows but one, by the formula of Sherman and Morrison for (A - x xᵀ)⁻¹."""
        inverse = torch.linalg.inv(self.x.T @ self.x + torch.eye(self.x.shape[1], dtype=torch.float64))
        weight = inverse @ self.x.T @ self.y
        outputs, gains = self.valid_x @ weight, self.x @ inverse
        leverage = (gains * self.x).sum(1, keepdim=True)
        residuals = (self.y - self.x @ weight) / (1 - leverage)
        parts = zip(gains.split(self.at_once), residuals.split(self.at_once), strict=True)
        return torch.cat([self.worth(outputs - (g @ self.valid_x.T)[:, :, None] * r[:, None, :]) for g, r in parts])

    def of_prefixes(self, orders: Tensor) -> Iterator[Tensor]:
        """The utilities (b,) of the first 1, 2, ... n rows in each of b orders (b, n), by recursive least squares."""
        b, d = len(orders), self.x.shape[1]
        inverse = torch.eye(d, dtype=torch.float64).repeat(b, 1, 1)
        weight = torch.zeros(b, d, self.y.shape[1], dtype=torch.float64)
        outputs = torch.zeros(b, *self.valid_y.shape, dtype=torch.float64)
        for rows in orders.T:
            x = self.x[rows]
            towards = (inverse @ x[:, :, None])[:, :, 0]
            gain = towards / (1 + (towards * x).sum(1, keepdim=True))
            residual = self.y[rows] - (x[:, None, :] @ weight)[:, 0]
            inverse.baddbmm_(gain[:, :, None], towards[:, None, :], alpha=-1)
            weight.baddbmm_(gain[:, :, None], residual[:, None, :])
            outputs.baddbmm_((gain @ self.valid_x.T)[:, :, None], residual[:, None, :])
            yield self.worth(outputs)

    def _fitted(self, x: Tensor, y: Tensor) -> Tensor:
        solution: Tensor = torch.linalg.solve(x.T @ x + torch.eye(x.shape[1], dtype=torch.float64), x.T @ y)
        return solution


def worth(outputs: Tensor, labels: Tensor, utility: Utility) -> Tensor:
    """The utility (...,) of outputs (..., m, C) for one-hot labels (m, C)."""
    if utility == "squared-error":
        return -(outputs - labels).square().sum(-1).mean(-1)
    best = outputs == outputs.amax(-1, keepdim=True)
    return ((best * labels).sum(-1) / best.sum(-1)).mean(-1)


def within(budget: int, needed: int, what: str) -> None:
    """Refuse what the budget of utility evaluations does not reach.

    Raises:
        InputError: says how many it takes, and the mend.
    """
    if needed > budget:
        raise InputError(
            f"{what} takes {needed:,} utility evaluations, above the budget of {budget:,}: "
            f"raise evaluations, or score fewer rows"
        )
