"""The idx format of MNIST and its kin."""

import gzip
import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .download import damaged, reading


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
