"""Functions that move samples within a batch by their values, after which no layout of the samples holds.

Recurrent networks sort rows by length, mixtures of experts send entries to layers, and others drop masked entries. Two
rows on trial may happen to stay in order, so that every batch is watched.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class Moves(TorchDispatchMode):
    """Notes in `seen` whether a function has moved samples, or taken more entries of one sample than of another.

    Args:
        size: the number of samples in the batch.
        own: tensors of the model, from which entries may be taken in any order.
    """

    def __init__(self, size: int, own: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.size, self.seen = size, False
        self.own = {tensor.data_ptr() for tensor in own}

    def __torch_dispatch__(self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        check = MOVING.get(function.overloadpacket)
        if check and self.size > 1 and not self.seen and args[0].data_ptr() not in self.own:
            self.seen = check(self.size, *args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


def _along(size: int, x: Tensor, axis: int, index: Tensor) -> bool:
    """Whether an index along an axis, on which the samples adjoin, is not all samples in order, equally often."""
    length = x.shape[axis] if x.ndim else 0
    if length % size or not length or (axis % x.ndim and length != size):
        return False
    if index.numel() % size:
        return True
    of = index.movedim(axis, 0) if index.ndim == x.ndim else index
    order = torch.arange(size, device=index.device)[:, None]
    return bool((of.reshape(size, -1) // (length // size) != order).any())


def _chosen(size: int, mask: Tensor) -> bool:
    """Whether a mask keeps more entries of one sample than of another."""
    if len(mask) % size:
        return not bool(mask.all())
    return len(mask.reshape(size, -1).sum(1).unique()) > 1


def _indexed(size: int, x: Tensor, indices: list[Tensor | None], *_: Any) -> bool:
    axis = 0
    for index in indices:
        of_mask = index is not None and index.dtype in (torch.bool, torch.uint8)
        if index is not None and of_mask and (axis == 0 or size in index.shape) and _chosen(size, index):
            return True
        if index is not None and not of_mask and _along(size, x, axis, index.flatten()):
            return True
        axis += index.ndim if index is not None and of_mask else 1
    return False


def _put(size: int, x: Tensor, indices: list[Tensor | None], *more: Any) -> bool:
    whole = [None if index is not None and index.dtype in (torch.bool, torch.uint8) else index for index in indices]
    return _indexed(size, x, whole, *more)


def _first_axis(size: int, x: Tensor, axis: int, index: Tensor, *_: Any, **__: Any) -> bool:
    return axis % max(1, x.ndim) == 0 and _along(size, x, 0, index)


def _selected(size: int, x: Tensor, axis: int, index: Tensor) -> bool:
    return _along(size, x, axis, index.flatten())


def _always(*_: Any, **__: Any) -> bool:
    return True


aten = torch.ops.aten
MOVING: Mapping[Any, Callable[..., bool]] = {
    aten.index: _indexed,
    **dict.fromkeys((aten.index_put, aten.index_put_), _put),
    aten.index_select: _selected,
    **dict.fromkeys(
        (
            aten.gather, aten.scatter, aten.scatter_, aten.scatter_add, aten.scatter_add_, aten.index_add,
            aten.index_add_, aten.index_copy, aten.index_copy_,
        ),
        _first_axis,
    ),
    aten.masked_select: lambda size, x, mask: _chosen(size, mask.expand(x.shape)),
    aten._pack_padded_sequence: lambda size, x, lengths, *_: len(lengths.unique()) > 1,
    **dict.fromkeys((aten.repeat_interleave, aten._unique2, aten.unique_dim), _always),
}  # fmt: skip
"""For each function that can move samples, whether it does so with these arguments."""
