"""One tensor from parts that arrive batch by batch."""

from collections.abc import Iterable

import torch
from torch import Tensor


class Assembly:
    """A tensor of n rows that is filled part by part, on the device of the parts.

    Its memory is allocated when the first part arrives. A list of small parts would lie between large temporaries, and
    the allocator could not reuse the holes between them.
    """

    def __init__(self, n: int) -> None:
        self.n, self.whole = n, torch.empty(0)

    def add(self, rows: slice, part: Tensor) -> None:
        """Copy a part to its rows."""
        if not len(self.whole):
            self.whole = part.new_empty(self.n, *part.shape[1:])
        self.whole[rows] = part


def assembled(n: int, parts: Iterable[tuple[slice, Tensor]]) -> Tensor:
    """The tensor of n rows that the parts make up, on their device."""
    assembly = Assembly(n)
    for rows, part in parts:
        assembly.add(rows, part)
    return assembly.whole
