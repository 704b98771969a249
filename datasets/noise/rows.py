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
    """Training rows, and which of them are still clean: each kind of noise changes clean rows only.

    Args:
        x: scaled features (n, ...), token ids or texts.
        y: given class indices (n,).
        true_y: true class indices (n,) of the rows, after any change of their inputs; -1 where they are not known.
        classes: number of classes.
        clean: which rows no noise has changed yet, bool (n,).
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
        """The numbers of the clean rows, in ascending order."""
        return np.flatnonzero(self.clean)

    def draw(self, rate: float, rng: np.random.Generator) -> Indices:
        """Draw round(rate × n) clean rows, each with equal probability.

        Raises:
            InputError: if too few rows are clean.
        """
        return rng.choice(self.left, self.count(rate), replace=False)

    def count(self, rate: float) -> int:
        """round(rate × n).

        Raises:
            InputError: if fewer rows are clean.
        """
        count, left = round(rate * len(self)), int(self.clean.sum())
        if count > left:
            raise InputError(
                f"rate={rate:g} needs {count} clean rows, but of {len(self)} only {left} are clean: lower the rates"
            )
        return count

    def features(self, noise: str) -> Tensor:
        """The inputs as features (n, d).

        Args:
            noise: the kind of noise that needs them, for the error.

        Raises:
            InputError: if the inputs are texts or token ids.
        """
        if not (isinstance(self.x, Tensor) and self.x.is_floating_point()):
            raise InputError(f"{noise} noise needs features that are numbers, and these rows are texts or token ids")
        return self.x.flatten(1)

    def changed(
        self, rows: Indices, *, x: Tensor | None = None, y: Tensor | None = None, true_y: Tensor | None = None
    ) -> "Rows":
        """A copy in which `rows` are no longer clean.

        Args:
            rows: numbers of the changed rows (k,).
            x: the inputs of all rows (n, ...); default as they are.
            y: given labels (k,) of the changed rows; default as they are.
            true_y: true labels (k,) of the changed rows; default as they are.
        """
        index, clean = torch.from_numpy(rows), self.clean.copy()
        clean[rows] = False
        return replace(
            self,
            clean=clean,
            x=self.x if x is None else x,
            y=self.y if y is None else self.y.index_copy(0, index, y),
            true_y=self.true_y if true_y is None else self.true_y.index_copy(0, index, true_y),
        )

    def relabelled(self, labels: Tensor) -> "Rows":
        """A copy with the labels (n,) that people gave; the rows whose label is wrong are no longer clean."""
        wrong = np.flatnonzero((labels != self.true_y).numpy())
        return self.changed(wrong, y=labels[wrong])
