"""The rows that a person brings: what models read, the labels, and what a person sees of each row."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from ..problem.examples import Examples
from ..problem.problem import Problem
from ..results.audit import Kind


@dataclass(frozen=True)
class OwnRows:
    """The rows of a person's data.

    Attributes:
        name: of the data.
        kind: of input.
        examples: what models read, and the given labels as class indices (n,).
        classes: the labels, as the data have them.
        label: the column of labels; empty where there are no columns.
        cells: what a row holds besides its label, as the data have it, (n, columns).
        files: the name of each row's file; empty where rows have numbers alone.
        pixels: images (n, 3, h, w) of bytes; None where there are none.
        p: class probabilities (n, classes) by a model of the person's own; None where there are none.
        problem: a problem with a model of the person's own and these rows; None where there is none.
        notes: what the reader should know, a sentence each.
    """

    name: str
    kind: Kind
    examples: Examples
    classes: pd.Index
    label: str
    cells: pd.DataFrame
    files: tuple[str, ...] = ()
    pixels: Tensor | None = None
    p: NDArray[np.float64] | None = None
    problem: Problem | None = None
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def y(self) -> NDArray[np.int64]:
        """The given labels as class indices (n,)."""
        return self.examples.y.numpy()

    @property
    def names(self) -> list[str]:
        """The classes as text."""
        return [str(name) for name in self.classes]
