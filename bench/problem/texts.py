"""Texts as the inputs of a dataset's rows, before a model turns them into tensors."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Texts:
    """One text for each of n rows, or several that belong together: two sentences, or a prompt and its answer.

    Args:
        rows: a tuple of texts for each row, all of the same length.
    """

    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, ...]]) -> "Texts":
        """Texts from any iterable of rows."""
        return cls(tuple(rows))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self.rows)

    def __getitem__(self, rows: slice | Tensor | NDArray[np.int64]) -> "Texts":
        return Texts(self.rows[rows] if isinstance(rows, slice) else tuple(self.rows[row] for row in rows.tolist()))

    def order(self) -> NDArray[np.int64]:
        """Row indices from the shortest row to the longest, in characters, so that batches need little padding."""
        return np.argsort([sum(map(len, row)) for row in self.rows], kind="stable")

    @property
    def parts(self) -> list[list[str]]:
        """The texts column by column: every row's first text, then every row's second, and so on."""
        return [list(part) for part in zip(*self.rows, strict=True)]
