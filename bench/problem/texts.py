"""Texts as the inputs of a dataset's rows, before a model makes tensors of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Texts:
    """One text for each of n rows, or several that belong together: a sentence and another, a prompt and its answer.

    Args:
        rows: a tuple of texts per row, of the same length for every row.
    """

    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, ...]]) -> "Texts":
        """From any rows of texts."""
        return cls(tuple(rows))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self.rows)

    def __getitem__(self, rows: slice | Tensor | NDArray[np.int64]) -> "Texts":
        return Texts(self.rows[rows] if isinstance(rows, slice) else tuple(self.rows[row] for row in rows.tolist()))

    def order(self) -> NDArray[np.int64]:
        """Rows from the shortest to the longest, in characters: batches of like rows hold little padding."""
        return np.argsort([sum(map(len, row)) for row in self.rows], kind="stable")

    @property
    def parts(self) -> list[list[str]]:
        """The texts column by column: first those that come first in their rows, and so on."""
        return [list(part) for part in zip(*self.rows, strict=True)]
