"""`Examples`: inputs and labels by rows, whether the inputs are one tensor or several by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import default_collate

from ..errors import InputError


class Padded(dict[str, Tensor]):
    """Tokenised texts for a model that ignores padding, so a batch may drop the padding that all its rows share."""


@dataclass(frozen=True)
class Examples:
    """Inputs `x` and labels `y` (n, ...) of n rows.

    The inputs are a tensor (n, ...), or a mapping of tensors, which the model gets as keyword arguments, as Hugging
    Face's models get `input_ids` and `attention_mask`.
    """

    x: Any
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: slice | Tensor | NDArray[np.int64]) -> "Examples":
        index = torch.as_tensor(rows) if isinstance(rows, np.ndarray) else rows
        return Examples(self.mapped(lambda tensor: tensor[index]).x, self.y[index])

    def mapped(self, function: Callable[[Tensor], Tensor]) -> "Examples":
        """The same labels, with a function applied to each tensor of the inputs."""
        if isinstance(self.x, Mapping):
            fields = {name: function(tensor) for name, tensor in self.x.items()}
            return Examples(Padded(fields) if isinstance(self.x, Padded) else fields, self.y)
        return Examples(function(self.x), self.y)

    def to(self, device: torch.device | str | None) -> "Examples":
        """The examples on a device."""
        return Examples(self.mapped(lambda tensor: tensor.to(device)).x, self.y.to(device))

    def through(self, model: Callable[..., Any]) -> Tensor:
        """The outputs of a model for these inputs; the `logits` of what it returns, if there are any."""
        outputs = model(**self.x) if isinstance(self.x, Mapping) else model(self.x)
        logits: Tensor = outputs["logits"] if _holds_logits(outputs) else getattr(outputs, "logits", outputs)
        if len(self) == 1 and isinstance(logits, Tensor) and (logits.ndim == 0 or len(logits) != 1):
            return logits[None]  # the model squeezes away the axis of a single row
        return logits

    def trimmed(self) -> "Examples":
        """Padded texts without the last columns, which are padding in every row; other inputs as they are."""
        mask = self.x.get("attention_mask") if isinstance(self.x, Padded) else None
        if mask is None:
            return self
        width = int(mask.any(0).nonzero().max()) + 1
        return self.mapped(lambda tensor: tensor[:, :width] if tensor.shape[:2] == mask.shape else tensor)

    @property
    def has_classes(self) -> bool:
        """Whether each label is a class index."""
        return self.y.ndim == 1 and not self.y.is_floating_point() and not self.y.is_complex()

    @property
    def shape(self) -> torch.Size:
        """The shape of one row's input; for a mapping, of one row of its first tensor."""
        return next(iter(self.tensors.values())).shape[1:]

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors of the inputs by name; a single tensor has the empty name."""
        return dict(self.x) if isinstance(self.x, Mapping) else {"": self.x}


def _holds_logits(outputs: Any) -> bool:
    return isinstance(outputs, Mapping) and "logits" in outputs


def checked(given: Any, name: str, dtype: torch.dtype, classes: bool) -> Examples:
    """Examples from what a user gives; floating inputs are cast to a dtype.

    Args:
        given: examples, a pair of inputs and labels, or a map-style dataset.
        name: the name of the rows in error messages: `train` or `valid`.
        dtype: the dtype of the model's parameters.
        classes: whether the labels must be class indices.

    Raises:
        InputError: if x and y differ in length, there are no training rows, an input is not finite or a label is not a
            class index.
    """
    if isinstance(given, Examples):
        whole, known_finite = given, True  # a loader or another problem has checked the inputs
    else:
        whole, known_finite = Examples(*(given if isinstance(given, tuple) else _collated(given, name))), False
    y = _tensor(whole.y, f"{name}: y")
    whole = Examples(whole.x if isinstance(whole.x, Mapping) else _tensor(whole.x, f"{name}: x"), y)
    whole = whole.mapped(lambda given: _cast(_tensor(given, f"{name}: an input"), dtype))
    for field, tensor in whole.tensors.items():
        x = f"x['{field}']" if field else "x"
        if tensor.is_floating_point() and not known_finite:
            _check_finite(tensor, f"{name}: row {{}} of {x}")
        if len(tensor) != len(y):
            raise InputError(f"{name}: {x} has {len(tensor)} rows and y has {len(y)}; they must match")
    if name == "train" and len(y) == 0:
        raise InputError("train: there are no rows")
    if classes:
        if y.is_floating_point() or y.ndim != 1 or (len(y) and int(y.min()) < 0):
            raise InputError(f"{name}: y must be class indices 0, 1, ... of shape (n,), or give a loss= of your own")
        y = y.long()
    return Examples(whole.x, y)


def _collated(items: Any, name: str) -> tuple[Any, Tensor]:
    """Inputs and labels of a map-style dataset, stacked: its items are pairs, or mappings that include the label."""
    try:
        whole = default_collate([items[row] for row in range(len(items))])
    except (TypeError, RuntimeError, KeyError, IndexError) as error:
        raise InputError(
            f"{name}: give (x, y), or a dataset whose items are pairs of an input and a label, all inputs of one shape,"
            f" padded if need be ({' '.join(str(error).split())[:200]})"
        ) from error
    if isinstance(whole, Mapping):
        x = dict(whole)
        for label in ("labels", "label"):
            if label in x:
                return x, x.pop(label)
    elif len(whole) == 2:
        return whole[0], whole[1]
    raise InputError(f"{name}: the items of a dataset must be pairs of input and label, or hold 'labels'")


def _tensor(given: Any, what: str) -> Tensor:
    """A dense tensor of numbers from an array of any library."""
    if isinstance(given, Tensor) and not given.is_sparse:
        return given
    try:
        if hasattr(given, "to_numpy"):  # pandas: an index is no row number
            given = np.array(given.to_numpy())  # a copy, since a frame's own array may be read-only
        if isinstance(given, Tensor):
            return given.to_dense()
        array = given.toarray() if hasattr(given, "toarray") else given
        read_only = isinstance(array, np.ndarray) and not array.flags.writeable
        return torch.as_tensor(array.copy() if read_only else array)
    except (TypeError, ValueError, RuntimeError) as error:
        if (word := _first_word(given)) is not None:
            raise InputError(
                f"{what} holds words, such as {word!r}: give numbers; np.unique(y, return_inverse=True)[1] makes class "
                "indices of labels"
            ) from error
        raise InputError(
            f"{what} is no array of numbers ({shorten(str(error), 100)}): give one array with a row for each "
            "sample, labels as class indices, several inputs as a mapping by the names of the model's arguments"
        ) from error


def _first_word(given: Any) -> str | None:
    """The first entry of an array or a sequence of words; None if it is no word."""
    entries = given.flat if isinstance(given, np.ndarray) else given if isinstance(given, list | tuple) else ()
    first = next(iter(entries), None)
    return str(first) if isinstance(first, str) else None


def _cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype) if x.is_floating_point() else x


def _check_finite(x: Tensor, where: str) -> None:
    for start in range(0, len(x), 1024):
        finite = torch.isfinite(x[start : start + 1024]).reshape(len(x[start : start + 1024]), -1)
        if not finite.all():
            row = start + int((~finite.all(1)).nonzero()[0])
            raise InputError(f"{where.format(row)} is not finite; drop or fill these rows")
