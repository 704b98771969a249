"""Checks of data files, with one error line that names the file and says how to replace it."""

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten

import numpy as np
import torch
from torch import Tensor

from ...bench.errors import InputError


def damaged(path: Path, reason: str) -> InputError:
    """The error for a file in the data folder that does not hold the official content."""
    return InputError(f"{path} is damaged: {reason}; delete it to download it anew")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn errors of opening and decompressing a file into one line.

    Raises:
        InputError: if the file cannot be opened, is cut short, or does not have the compression that it should have.
    """
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise damaged(path, shorten(str(error), 200)) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error


@contextmanager
def official(path: Path) -> Iterator[None]:
    """Report any InputError about the content of an official file as damage of that file.

    Raises:
        InputError: as `damaged` words it.
    """
    try:
        yield
    except InputError as error:
        raise damaged(path, str(error).removeprefix(str(path)).lstrip(": ")) from error


def checked_labels(path: Path, name: str, values: object, rows: int, classes: int) -> Tensor:
    """Check labels that were read from a file, and return them as class indices (rows,), int64.

    Args:
        path: the file, for the error.
        name: the name of the labels, for the error.
        values: what was read.
        rows: number of rows that the file must have.
        classes: number of classes.

    Raises:
        InputError: if the values are not an array of `rows` integers from 0 to `classes` - 1.
    """
    if not (isinstance(values, np.ndarray) and values.shape == (rows,) and values.dtype.kind in "iu"):
        raise damaged(path, f"its {name} are not {rows} whole numbers")
    if values.min() < 0 or values.max() >= classes:
        raise damaged(path, f"its {name} run from {values.min()} to {values.max()}, not from 0 to {classes - 1}")
    return torch.from_numpy(values.astype(np.int64))
