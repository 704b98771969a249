"""The gradient of a parameter that is used several times: by tied modules, or by one that is called again."""

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

    def formed(self) -> Tensor:
        return summed([use.formed() for use in self.uses])

    def inner(self, direction: Tensor) -> Tensor:
        """Use by use."""
        return summed([use.inner(direction) for use in self.uses])

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """Use by use."""
        return summed([use.weighted_sum(weights) for use in self.uses])

    def projected(self, left: Tensor, right: Tensor) -> Outer | None:
        """Use by use, positions side by side."""
        parts = [use.projected(left, right) for use in self.uses]
        outers = [part for part in parts if part is not None]
        return _side_by_side(outers) if len(outers) == len(parts) else None

    def covariances(self, constant: bool) -> tuple[Tensor, Tensor, int] | None:
        """Use by use."""
        parts = [part for use in self.uses if (part := use.covariances(constant)) is not None]
        if len(parts) < len(self.uses):
            return None
        left, right, numbers = zip(*parts, strict=True)
        return summed(left), summed(right), sum(numbers)


def total(uses: Sequence[Gradient]) -> Gradient:
    """One gradient for all uses of a parameter: positions side by side where they are factors, else their sum."""
    if len(uses) == 1:
        return uses[0]
    outers = [use for use in uses if isinstance(use, Outer)]
    if len(outers) == len(uses):
        return _side_by_side(outers)
    if all(isinstance(use, Plain) for use in uses):
        return Plain(summed([use.formed() for use in uses]))
    return Sum(uses)


def _side_by_side(outers: Sequence[Outer]) -> Outer:
    return Outer(torch.cat([one.left for one in outers], 1), torch.cat([one.right for one in outers], 1))
