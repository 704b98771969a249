"""TREC's questions are read as published, and a damaged file is one clear line."""

import hashlib

import pytest
import torch
from data_files import PAGE, complaint

from influence_bench.datasets.texts import trec

pytestmark = pytest.mark.usefixtures("no_download")


def test_trec_has_the_published_files_and_rows(official):
    for name, checksum, _ in trec.FILES.values():
        assert "sha256:" + hashlib.sha256((official / "trec" / name).read_bytes()).hexdigest() == checksum
    source = trec.trec()
    assert source.y.bincount().tolist() == [86, 1162, 1250, 1223, 835, 896]
    assert source.test.y.bincount().tolist() == [9, 138, 94, 65, 81, 113]
    assert source.test.x.rows[0] == ("How far is it from Denver to Aspen ?",)
    assert source.classes[int(source.test.y[0])] == "number"


def test_tables_give_what_the_official_files_give(official, real_data, monkeypatch):
    first = trec.trec()
    monkeypatch.setenv("INFLUENCE_BENCH_DATA", str(real_data))
    second = trec.trec()
    assert (first.x, first.test.x) == (second.x, second.test.x)
    assert torch.equal(first.y, second.y)
    assert torch.equal(first.test.y, second.test.y)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: content[: len(content) // 2], "rows, not 5452"),
        (lambda _: PAGE, "it has 3 rows, not 5452"),
        (lambda content: content.replace(b"DESC:manner", b"WHAT:manner", 1), "the label of row 0 is 'WHAT'"),
    ],
)
def test_damaged_trec_file_is_one_line(official, damage, said):
    path = official / "trec/train_5500.label"
    path.write_bytes(damage(path.read_bytes()))
    assert said in complaint(trec.trec)
