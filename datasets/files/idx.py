"""The idx format of MNIST and Fashion-MNIST."""

import gzip
import math
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...bench.problem.examples import Examples
from .checks import checked_labels, damaged, reading
from .download import fetch


def read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read the bytes of a gzipped idx file, which must have the given shape.

    Raises:
        InputError: if the file is not gzipped, is cut short, or has another type or shape.
    """
    # Two zero bytes, 8 for unsigned bytes, the number of dimensions, and each dimension, big-endian.
    header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    size = len(header) + math.prod(shape)
    with reading(path), gzip.open(path) as file:
        content = file.read(size + 1)  # one byte more, because gzip verifies its checksum only at the end of the file
    if not content.startswith(header):
        raise damaged(path, f"it does not begin as an idx file of {' × '.join(map(str, shape))} bytes does")
    if len(content) != size:
        raise damaged(path, f"it holds {'fewer' if len(content) < size else 'more'} than {size} bytes")
    return np.frombuffer(bytearray(content), np.uint8, offset=len(header)).reshape(shape)


def read_pictures(folder: str, url: str, checksums: Mapping[str, str]) -> tuple[Examples, Examples]:
    """Read the training and test rows of MNIST or a set in the same form, and download missing files.

    Args:
        folder: the set's folder inside the data folder.
        url: the address in front of the four file names.
        checksums: checksum of each file by its name, in this order: training images, training labels, test images,
            test labels.

    Returns:
        Training and test rows: images (n, 1, 28, 28), uint8, and class indices from 0 to 9.

    Raises:
        InputError: if a file is damaged, or cannot be downloaded.
    """
    paths = [fetch(f"{folder}/{name}", url + name, checksum) for name, checksum in checksums.items()]
    train, test = (
        Examples(
            torch.from_numpy(read_idx(images, (rows, 28, 28)))[:, None],
            checked_labels(labels, "labels", read_idx(labels, (rows,)), rows, 10),
        )
        for images, labels, rows in zip(paths[::2], paths[1::2], (60_000, 10_000), strict=True)
    )
    return train, test
