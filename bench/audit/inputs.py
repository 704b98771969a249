"""What a person brings, as rows: a file, a folder, or an object of Python."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...datasets.images.own_images import read_images
from ...datasets.splitting import scaled
from ...datasets.tables.columns import Encoder, class_indices, known_indices, notes_on
from ...datasets.tables.notation import LARGEST
from ...datasets.tables.table_file import read_table
from ..errors import InputError, absent, unknown
from ..problem.examples import Examples, checked
from ..problem.problem import Problem
from ..problem.texts import Texts
from .embedding import embedded
from .own_rows import OwnRows

SIDE = 64
"""Larger images, and images of different sizes, are resized to this many pixels in height and width."""


def own_rows(data: Any, label: str = "", text: str = "", image: str = "", probabilities: Any = None) -> OwnRows:
    """The rows of a person's data.

    Args:
        data: a file of a table, a folder of images by class, an `.npz` file; a DataFrame, a `Problem`, a Hugging Face
            dataset, a torch dataset of pairs, or a pair of inputs and labels.
        label: the column of labels, or the array of labels of an `.npz` file.
        text: the column of texts; default: the rows are a table.
        image: the column of paths of images, relative to the file.
        probabilities: class probabilities (n, classes) by a model of the person's own: an array, a DataFrame or a file.

    Raises:
        InputError: if something cannot be read, or does not fit.
    """
    rows = _read(data, label, text, image)
    if probabilities is None:
        return rows
    return replace(
        rows,
        kind="probabilities",
        p=_probabilities(probabilities, rows),
        examples=Examples(torch.arange(len(rows)), rows.examples.y),
    )


def _read(data: Any, label: str, text: str, image: str) -> OwnRows:
    if isinstance(data, str | Path):
        place = Path(data).expanduser()
        if not place.exists():
            raise absent(place)
        if place.is_dir() or image:
            return _images(place, label, image)
        if place.suffix.lower() == ".npz":
            return _archive(place, label or "y")
        _needed(label, str(place))
        return _frame(read_table(place, label), label, text, str(data))
    if isinstance(data, Problem):
        return _problem(data)
    if hasattr(data, "features") and hasattr(data, "to_pandas"):
        return _frame(_named_classes(data), label, text, "a dataset")
    if isinstance(data, pd.DataFrame):
        return _frame(data.set_axis([str(name) for name in data.columns], axis=1), label, text, "a DataFrame")
    if isinstance(data, tuple) and len(data) == 2:
        return _arrays(*data, "arrays")
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        rows = checked(data, "a dataset", torch.float64, classes=False)
        return _arrays(rows.x, rows.y, "a dataset")
    raise InputError(
        f"data of type {type(data).__name__} cannot be audited: give a file, a folder, a DataFrame or arrays"
    )


def _frame(table: pd.DataFrame, label: str, text: str, name: str) -> OwnRows:
    _needed(label, name)
    for column, what in ((label, "label column"), (text, "column of texts")):
        if column and column not in table.columns:
            raise unknown(what, column, table.columns, f"in {name}")
        if (times := list(table.columns).count(column)) > 1:
            raise InputError(f"{name} has {times} columns named '{column}': rename all but the {what}")
    y, classes = class_indices(table[label], name)
    cells = table.drop(columns=label)
    if not text:
        encoder = Encoder.fit(cells, name)
        x = torch.from_numpy(encoder.features(cells))
        (examples,) = scaled(Examples(x, y), standardize=True)
        return OwnRows(name, "table", examples, classes, label, cells, notes=[*notes_on(classes), *encoder.notes])
    if text == label:
        raise InputError(f"{name}: '{text}' is the column of labels; name the column of texts")
    vectors, notes = embedded(Texts.of((words,) for words in table[text].astype(object).fillna("").astype(str)))
    return OwnRows(
        name, "texts", Examples(vectors, y), classes, label, cells[[text]], notes=[*notes_on(classes), *notes]
    )


def _images(place: Path, label: str, image: str) -> OwnRows:
    images = read_images(place, None, label or None, image or None, most=SIDE)
    (examples,) = scaled(Examples(images.pixels, images.y), standardize=True)
    cells = pd.DataFrame(index=range(len(images.y)))
    classes = pd.Index(images.classes)
    notes = notes_on(classes)
    return OwnRows(str(place), "images", examples, classes, label, cells, images.files, images.pixels, notes=notes)


def _archive(place: Path, label: str) -> OwnRows:
    """An `.npz` file: an array of labels, and one of inputs."""
    arrays = read_archive(place, label)
    y = arrays.pop(label)
    fitting = [name for name, array in arrays.items() if array.ndim > 1 and len(array) == len(y)]
    if len(fitting) != 1:
        raise InputError(
            f"{place}: one array with a row for each of the {len(y)} labels is needed beside {label!r}, and "
            f"{', '.join(fitting) or 'none'} would do"
        )
    return _arrays(arrays[fitting[0]], y, str(place))


def read_archive(place: Path, label: str) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz` file, of which one holds the labels (n,).

    Raises:
        InputError: if the file cannot be read without unpickling, or has no such array.
    """
    try:
        with np.load(place, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise absent(place) from error
    except Exception as error:  # zipfile, struct and numpy raise errors of their own
        raise InputError(f"{place} cannot be read as .npz without pickles: {error}") from error
    if label not in arrays:
        raise unknown("array of labels", label, arrays, f"in {place}")
    if arrays[label].ndim != 1:
        raise InputError(f"{place}: the labels {label!r} must have shape (n,), not {arrays[label].shape}")
    return arrays


def _arrays(x: Any, y: Any, name: str) -> OwnRows:
    """Inputs (n, d), or images (n, h, w), (n, h, w, channels) or (n, channels, h, w), with labels (n,)."""
    given = _native(np.asarray(y))
    if given.ndim != 1 or given.dtype.names:
        raise InputError(f"{name}: the labels must be one value for each row, (n,), not {given.shape} of {given.dtype}")
    labels, classes = class_indices(pd.Series(given, name="y"), name)
    examples = checked((_native(x), labels), name, torch.float64, classes=True)
    inputs = examples.x
    _check_features(inputs, name)
    if inputs.ndim == 2:
        (examples,) = scaled(examples, standardize=True)
        columns = pd.DataFrame(inputs.numpy(), columns=[str(number) for number in range(inputs.shape[1])])
        return OwnRows(name, "arrays", examples, classes, "", columns)
    pictures = _channels_first(inputs, name)
    (examples,) = scaled(Examples(pictures, labels), standardize=True)
    return OwnRows(
        name, "images", examples, classes, "", pd.DataFrame(index=range(len(labels))), pixels=_bytes(pictures)
    )


def _native(array: Any) -> Any:
    """An array of numpy in the byte order of this machine, which torch and pandas need; anything else as it is."""
    return array.astype(array.dtype.newbyteorder("=")) if isinstance(array, np.ndarray) else array


def _check_features(x: Any, name: str) -> None:
    """Refuse inputs that have no number to learn from, or numbers that cannot be standardised."""
    if not isinstance(x, Tensor) or x.is_complex() or x.numel() == 0:
        found = f"{tuple(x.shape)} of {str(x.dtype)[6:]}" if isinstance(x, Tensor) else type(x).__name__
        raise InputError(f"{name}: inputs of {found}: real numbers are needed, features (n, d) or images")
    if x.is_floating_point() and not (x.abs() < LARGEST).all():
        row = int((x.abs() >= LARGEST).flatten(1).any(1).nonzero()[0])
        raise InputError(f"{name}: row {row} of x holds a number of {LARGEST:g} or more; scale or drop it")


def _problem(problem: Problem) -> OwnRows:
    """The training rows of a problem, as its model reads them; classes have numbers alone."""
    classes = pd.Index(range(problem.probabilities().shape[1]))
    x, n = problem.train.x, len(problem.train)
    is_table = isinstance(x, Tensor) and x.ndim == 2
    is_images = isinstance(x, Tensor) and x.ndim == 4 and x.shape[1] in (1, 3)
    return OwnRows(
        "a problem",
        "images" if is_images else "arrays",
        problem.train,
        classes,
        "",
        pd.DataFrame(x.cpu().numpy()).rename(columns=str) if is_table else pd.DataFrame(index=range(n)),
        pixels=_bytes(_channels_first(x.cpu(), "a problem")) if is_images else None,
        problem=problem,
    )


def _channels_first(x: Tensor, name: str) -> Tensor:
    if x.ndim == 3:
        return x[:, None].repeat(1, 3, 1, 1)
    if x.ndim == 4 and x.shape[3] in (1, 3):
        x = x.permute(0, 3, 1, 2)
    if x.ndim == 4 and x.shape[1] in (1, 3):
        return x.repeat(1, 3 // x.shape[1], 1, 1).contiguous()
    raise InputError(
        f"{name}: inputs of shape {tuple(x.shape)}: features (n, d) or images of 1 or 3 channels are needed"
    )


def _bytes(x: Tensor) -> Tensor:
    """Images as bytes, to be looked at: stretched over their range, unless they are bytes."""
    if x.dtype == torch.uint8:
        return x
    x = x.double()  # not all types of whole numbers have a smallest one
    low, high = x.min(), x.max()
    return ((x - low) / (high - low).clamp(min=1e-12) * 255).round().to(torch.uint8)


def _probabilities(given: Any, rows: OwnRows) -> NDArray[np.float64]:
    """Class probabilities (n, classes), in the order of the classes."""
    try:
        table = read_probabilities(Path(given)) if isinstance(given, str | Path) else pd.DataFrame(given)
        array = table.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the probabilities are no table of numbers: {' '.join(str(error).split())}") from error
    if array.shape != (len(rows), len(rows.classes)):
        raise InputError(
            f"probabilities of shape {array.shape} do not fit {len(rows)} rows and {len(rows.classes)} classes "
            f"({', '.join(rows.names[:8])}): one column for each class is needed"
        )
    array = array[:, _places(table.columns, rows.classes)]
    sums = array.sum(1)
    if not np.isfinite(array).all() or (array < 0).any() or (abs(sums - 1) > 0.01).any():
        row = int((~np.isfinite(array) | (array < 0) | (abs(sums - 1) > 0.01)[:, None]).any(1).argmax())
        raise InputError(f"the probabilities of row {row} are not from 0 to 1 with sum 1")
    return array


def _places(columns: pd.Index, classes: pd.Index) -> NDArray[np.int64]:
    """The place among the columns of probabilities of each class (classes,): by name, or as they are if they have none.

    Raises:
        InputError: if the columns have names, and these are not the classes.
    """
    names = pd.Series([str(name) for name in columns])
    are_numbers = list(names) == [str(place) for place in range(len(names))] and not set(names) & set(map(str, classes))
    if are_numbers or isinstance(columns, pd.RangeIndex):
        return np.arange(len(names))
    found = known_indices(names, classes, "the names of the columns of probabilities").numpy()
    if len(set(found.tolist())) < len(found):
        raise InputError(f"two columns of probabilities are of the same class: {', '.join(names)}; rename them")
    return np.argsort(found)


def read_probabilities(file: Path) -> pd.DataFrame:
    """Class probabilities in a `.npy` file, or in a CSV file with a header of classes."""
    try:
        if file.suffix.lower() == ".npy":
            return pd.DataFrame(np.load(file, allow_pickle=False))
        return pd.read_csv(file)
    except FileNotFoundError as error:
        raise absent(file) from error
    except Exception as error:
        raise InputError(f"{file} cannot be read as probabilities: {' '.join(str(error).split())}") from error


def _named_classes(data: Any) -> pd.DataFrame:
    """A Hugging Face dataset as a frame, with the names of classes in place of their numbers."""
    frame: pd.DataFrame = data.to_pandas()
    for column, feature in data.features.items():
        if names := getattr(feature, "names", None):
            frame[column] = [names[number] if number >= 0 else None for number in frame[column]]
    return frame


def _needed(label: str, name: str) -> None:
    if not label:
        raise InputError(f"{name}: which column holds the labels? Name it by --label, in Python by label=")
