"""Archives write the members that are asked for, whole, and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from data_files import PAGE, complaint, files, packed

from influence_bench.datasets.files.archives import extract


def test_only_wanted_members_are_written_and_nothing_outside(tmp_path, folder):
    archive = tmp_path / "a.tar.gz"
    outside = tmp_path / "outside"
    outside.mkdir()
    archive.write_bytes(
        packed(
            ("../evil", b"evil"),
            (str(tmp_path / "evil"), b"evil"),
            ("set", outside),
            ("set/readme.html", b"unwanted"),
            ("set/../../evil", b"evil"),
            ("set/one", b"1111"),
            ("set/two", b"2222"),
        )
    )
    (folder / "set").mkdir()
    (folder / "set/two").write_bytes(b"the user's own")
    extract(archive, folder, {"set/one": 4, "set/two": 4})
    assert files(tmp_path) == ["a.tar.gz", "data/set/one", "data/set/two"]
    assert (folder / "set/one").read_bytes() == b"1111"
    assert (folder / "set/two").read_bytes() == b"the user's own"


def test_link_does_not_lead_outside(tmp_path, folder):
    (tmp_path / "outside").mkdir()
    (tmp_path / "a.tar.gz").write_bytes(packed(("set", tmp_path / "outside"), ("set/one", b"1111")))
    extract(tmp_path / "a.tar.gz", folder, {"set/one": 4})
    assert files(tmp_path) == ["a.tar.gz", "data/set/one"]
    assert not (folder / "set").is_symlink()


NOISE = np.random.default_rng(0).bytes(100_000)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (packed(("set/one", NOISE))[:50_000], "Compressed file ended"),
        (PAGE, "not a gzip file"),
        (b"", "empty"),
        (packed(("set/one", NOISE[1:])), "it holds no file set/one of 100000 bytes"),
        (packed(("set/one", Path("/etc/hostname"))), "it holds no file set/one of 100000 bytes"),
        (packed(("set/other", NOISE)), "it holds no file set/one of 100000 bytes"),
    ],
    ids=["truncated", "html", "empty", "wrong size", "link", "lacking"],
)
def test_damaged_archive_is_one_line_and_leaves_nothing(tmp_path, folder, content, said):
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(content)
    line = complaint(extract, archive, folder, {"set/one": len(NOISE)})
    assert line.startswith(f"{archive} is damaged: ")
    assert said in line
    assert line.endswith("; delete it to download it anew")
    assert files(folder) == []


def test_archive_extracted_several_times_at_once(tmp_path, folder):
    (tmp_path / "a.tar.gz").write_bytes(packed(("set/one", NOISE), ("set/two", NOISE)))
    sizes = {"set/one": len(NOISE), "set/two": len(NOISE)}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: extract(tmp_path / "a.tar.gz", folder, sizes), range(8)))
    assert files(folder) == ["set/one", "set/two"]
    assert {(folder / name).read_bytes() for name in sizes} == {NOISE}
