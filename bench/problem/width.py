"""How many rows a pass takes at a time, by what a row takes in the model."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .evaluation import plain_attention
from .examples import Examples

TENSOR = {"cpu": 4 * 2**20, "cuda": 128 * 2**20}
"""Bytes of the largest tensor of a pass, by the type of the device.

Two such tensors, the input and the output of an operation, stay in the last cache of a processor while the time that
each operation takes besides its arithmetic, tens of microseconds, is small beside their reading and writing. An
accelerator needs enough rows to occupy all its units.
"""


def fast_rows(model: nn.Module, row: Examples) -> int:
    """The number of rows with which passes of a model over rows like this one are fast.

    Args:
        model: in evaluation mode, on the row's device.
        row: one row.
    """
    most = TENSOR.get(row.y.device.type, TENSOR["cuda"])
    return max(1, most // max(1, widest(model, row)))


def widest(model: nn.Module, row: Examples) -> int:
    """Bytes that a row takes in the largest tensor of a forward pass, its inputs included.

    What a tensor takes for every further row is the difference between a pass over the row twice and a pass over it
    once, their tensors paired by size: those that are made of parameters alone then take nothing.
    """
    once, twice = _sizes(model, row), _sizes(model, row[torch.zeros(2, dtype=torch.int64)])
    inputs = [tensor.nbytes for tensor in row.tensors.values()]
    return max([*inputs, *(two - one for one, two in zip_longest(once, twice, fillvalue=0))])


@torch.no_grad()
def _sizes(model: nn.Module, rows: Examples) -> list[int]:
    """Bytes of each operation's largest output in a forward pass, the largest first."""
    sizes: list[int] = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(
            self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            output = function(*args, **(kwargs or {}))
            sizes.append(max((part.nbytes for part in tree_leaves(output) if isinstance(part, Tensor)), default=0))
            return output

    with Watch(), plain_attention():  # type: ignore[no-untyped-call]
        rows.through(model)
    return sorted(sizes, reverse=True)
