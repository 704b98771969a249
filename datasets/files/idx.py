"""The idx format of MNIST and its kin."""

import gzip
import math
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...bench.problem.examples import Examples
from .download import class_indices, damaged, fetch, reading


def read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The bytes of a compressed idx file, which must have that shape.

    Raises:
        InputError: if the file is not compressed, is cut short, or is of another kind or shape.
    """
    # Two zero bytes, 8 for unsigned bytes, the number of dimensions, and each of them, big-endian.
    header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    size = len(header) + math.prod(shape)
    with reading(path), gzip.open(path) as file:
        content = file.read(size + 1)  # one byte more: it is only at the end of the file that gzip checks the checksum
    if not content.startswith(header):
        raise damaged(path, f"it does not begin as an idx file of {' × '.join(map(str, shape))} bytes does")
    if len(content) != size:
        raise damaged(path, f"it holds {'fewer' if len(content) < size else 'more'} than {size} bytes")
    return np.frombuffer(bytearray(content), np.uint8, offset=len(header)).reshape(shape)


def read_pictures(folder: str, url: str, checksums: Mapping[str, str]) -> tuple[Examples, Examples]:
    """The training and test rows of MNIST's kin: images (n, 1, 28, 28), uint8, and their classes, ten in all.

    Args:
        folder: of the data folder.
        url: where the four files lie.
        checksums: of the four files: training images, training labels, test images, test labels.

    Raises:
        InputError: if a file cannot be had or is damaged.
    """
    paths = [fetch(f"{folder}/{name}", url + name, checksum) for name, checksum in checksums.items()]
    train, test = (
        Examples(
            torch.from_numpy(read_idx(images, (rows, 28, 28)))[:, None],
            class_indices(labels, "labels", read_idx(labels, (rows,)), rows, 10),
        )
        for images, labels, rows in zip(paths[::2], paths[1::2], (60_000, 10_000), strict=True)
    )
    return train, test
