"""A damaged file of CIFAR is one clear line."""

from dataclasses import replace

import pytest
from data_files import PAGE, complaint

import influence_bench as ib
from influence_bench.datasets.images import cifar

pytestmark = pytest.mark.usefixtures("no_download")


@pytest.fixture
def pages(folder):
    """A data folder in which every file of CIFAR-10 is an HTML page."""
    for name in cifar.CIFAR_10.rows:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(PAGE)
    return folder


def test_page_in_place_of_data_is_one_line(pages):
    file = pages / "cifar-10-batches-bin/data_batch_1.bin"
    line = f"{file} is damaged: it has {len(PAGE)} bytes, not 30730000; delete it to download it anew"
    assert complaint(ib.load, "cifar10") == line


def test_label_that_is_no_class_is_one_line(pages, monkeypatch):
    monkeypatch.setattr(cifar, "CIFAR_10", replace(cifar.CIFAR_10, rows=dict.fromkeys(cifar.CIFAR_10.rows, 2)))
    (pages / "cifar-10-batches-bin/data_batch_1.bin").write_bytes(bytes([3]) + bytes(3072) + bytes([10]) + bytes(3072))
    assert "its labels run from 3 to 10, not from 0 to 9" in complaint(ib.load, "cifar10")
