"""The gradient of a parameter that is used several times: by tied modules, or by a module that is called again."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Size, Tensor

from .arithmetic import summed
from .gradient import Gradient, Plain
from .outer import Outer


@dataclass(frozen=True)
class Sum(Gradient):
    """The gradient of a parameter that is used several times: the sum over its uses."""

    uses: Sequence[Gradient]

    @property
    def shape(self) -> Size:
        return self.uses[0].shape

    def __len__(self) -> int:
        return len(self.uses[0])

    def __getitem__(self, rows: slice) -> "Sum":
        return Sum([use[rows] for use in self.uses])

    def summands(self) -> Sequence[Gradient]:
        return self.uses

    @property
    def positions(self) -> int:
        """Those of all uses; 0 if one of these is no sum of outer products."""
        positions = [use.positions for use in self.uses]
        return sum(positions) if all(positions) else 0

    def formed(self) -> Tensor:
        return summed([use.formed() for use in self.uses])

    def inner(self, direction: Tensor) -> Tensor:
        """The sum over the uses."""
        return summed([use.inner(direction) for use in self.uses])

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """The sum over the uses."""
        return summed([use.weighted_sum(weights) for use in self.uses])

    def projected(self, left: Tensor, right: Tensor) -> Outer | None:
        """The positions of all uses side by side."""
        parts = [use.projected(left, right) for use in self.uses]
        outers = [part for part in parts if isinstance(part, Outer)]
        return _side_by_side(outers) if len(outers) == len(parts) else None

    @property
    def of_constant(self) -> Tensor:
        return summed([use.of_constant for use in self.uses])

    def covariances(self, constant: bool) -> tuple[Tensor, Tensor, int] | None:
        """The sum over the uses."""
        parts = [part for use in self.uses if (part := use.covariances(constant)) is not None]
        if len(parts) < len(self.uses):
            return None
        left, right, numbers = zip(*parts, strict=True)
        return summed(left), summed(right), sum(numbers)


def total(uses: Sequence[Gradient]) -> Gradient:
    """The gradient of a parameter from those of its uses: outer products side by side, any other forms as a sum."""
    if len(uses) == 1:
        return uses[0]
    outers = [use for use in uses if isinstance(use, Outer)]
    if len(outers) == len(uses):
        return _side_by_side(outers)
    if all(isinstance(use, Plain) for use in uses):
        return Plain(summed([use.formed() for use in uses]))
    return Sum(uses)


def _side_by_side(outers: Sequence[Outer]) -> Outer:
    return Outer(torch.cat([outer.left for outer in outers], 1), torch.cat([outer.right for outer in outers], 1))
