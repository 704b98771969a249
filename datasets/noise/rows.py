"""Training rows on their way from clean to noisy."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...bench.errors import InputError

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Training rows, and which of them no noise has touched yet: each kind takes rows that are still clean.

    Args:
        x: scaled features (n, ...), token ids or texts.
        y: given class indices (n,).
        true_y: true ones (n,), of the rows as they stand; -1 where none is known.
        classes: number of classes.
        clean: which rows no noise has touched, bool (n,).
    """

    x: Tensor
    y: Tensor
    true_y: Tensor
    classes: int
    clean: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.y)

    @property
    def left(self) -> Indices:
        """The clean rows, in ascending order."""
        return np.flatnonzero(self.clean)

    def draw(self, rate: float, rng: np.random.Generator) -> Indices:
        """round(rate × n) of the clean rows, evenly."""
        return rng.choice(self.left, self.count(rate), replace=False)

    def count(self, rate: float) -> int:
        """round(rate × n).

        Raises:
            InputError: if fewer clean rows are left.
        """
        count, left = round(rate * len(self)), int(self.clean.sum())
        if count > left:
            raise InputError(
                f"rate={rate:g} is {count} rows, and of {len(self)} only {left} are clean: lower the rates"
            )
        return count

    def features(self, noise: str) -> Tensor:
        """The rows as features (n, d).

        Raises:
            InputError: if they are token ids.
        """
        if not (isinstance(self.x, Tensor) and self.x.is_floating_point()):
            raise InputError(f"{noise} noise needs features that are numbers, and these rows are texts or token ids")
        return self.x.flatten(1)

    def changed(
        self, rows: Indices, *, x: Tensor | None = None, y: Tensor | None = None, true_y: Tensor | None = None
    ) -> "Rows":
        """With other inputs (n, ...), or other labels or true ones in `rows`, which are clean no more."""
        index, clean = torch.from_numpy(rows), self.clean.copy()
        clean[rows] = False
        return replace(
            self,
            clean=clean,
            x=self.x if x is None else x,
            y=self.y if y is None else self.y.index_copy(0, index, y),
            true_y=self.true_y if true_y is None else self.true_y.index_copy(0, index, true_y),
        )
