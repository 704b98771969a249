"""Parts of a result, put together as they arrive."""

from collections.abc import Iterable

import torch
from torch import Tensor


class Assembly:
    """Parts with their rows as one tensor of n rows, on the parts' device.

    Its memory is taken at the first part. Kept apart until the end, small results would lie between large temporaries,
    and the allocator could not use the holes again.
    """

    def __init__(self, n: int) -> None:
        self.n, self.whole = n, torch.empty(0)

    def add(self, rows: slice, part: Tensor) -> None:
        """Put a part where it belongs."""
        if not len(self.whole):
            self.whole = part.new_empty(self.n, *part.shape[1:])
        self.whole[rows] = part


def assembled(n: int, parts: Iterable[tuple[slice, Tensor]]) -> Tensor:
    """Parts with their rows as one tensor of n rows, on the parts' device."""
    kept = Assembly(n)
    for rows, part in parts:
        kept.add(rows, part)
    return kept.whole
