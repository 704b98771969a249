"""Idx files are read whole, and a damaged file is one clear line."""

import gzip
import struct

import numpy as np
import pytest
from data_files import complaint

from influence_bench.datasets.files.idx import read_idx


def idx(values):
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


PIXELS = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
GOOD = gzip.compress(idx(PIXELS))


def test_idx_file_is_read(tmp_path):
    (tmp_path / "idx.gz").write_bytes(GOOD)
    np.testing.assert_array_equal(read_idx(tmp_path / "idx.gz", (7, 5, 3)), PIXELS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD[:-20], "Compressed file ended"),
        (GOOD[:-8] + b"\0" * 8, "CRC check failed"),
        (GOOD[:10] + b"\xff" * 50, "invalid block type"),
        (b"<html>log in first</html>", "Not a gzipped file"),
        (idx(PIXELS), "Not a gzipped file"),
        (b"", "does not begin as an idx file of 7 × 5 × 3 bytes"),
        (gzip.compress(b"\0\0\x0b" + idx(PIXELS)[3:]), "does not begin as an idx file"),
        (gzip.compress(idx(PIXELS[:, :, :2])), "does not begin as an idx file"),
        (gzip.compress(idx(PIXELS)[:-1]), "it holds fewer than 121 bytes"),
        (gzip.compress(idx(PIXELS) + b"\0"), "it holds more than 121 bytes"),
    ],
    ids=["truncated", "checksum", "deflate", "html", "plain", "empty", "magic", "shape", "short", "long"],
)
def test_damaged_idx_file_is_one_line(tmp_path, content, said):
    path = tmp_path / "idx.gz"
    path.write_bytes(content)
    line = complaint(read_idx, path, (7, 5, 3))
    assert line.startswith(f"{path} is damaged: ")
    assert said in line
    assert line.endswith("; delete it to download it anew")


def test_folder_in_place_of_a_file_is_one_line(tmp_path):
    assert f"{tmp_path} cannot be read: " in complaint(read_idx, tmp_path, (7, 5, 3))
