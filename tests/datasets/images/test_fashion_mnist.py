"""Fashion-MNIST has the published images."""

import numpy as np
import pytest
import torch
from data_files import PAGE, complaint

import influence_bench as ib
from influence_bench.datasets.images import fashion_mnist


@pytest.mark.usefixtures("real_data", "no_download")
def test_fashion_mnist_has_the_published_images():
    fashion = fashion_mnist.fashion_mnist()
    assert fashion.x.shape == (60_000, 1, 28, 28)
    assert fashion.test.x.shape == (10_000, 1, 28, 28)
    assert fashion.x.dtype == fashion.test.x.dtype == torch.uint8
    assert fashion.y.bincount().tolist() == [6000] * 10
    assert fashion.test.y.bincount().tolist() == [1000] * 10
    assert fashion.classes[int(fashion.y[0])] == "Ankle boot"
    np.testing.assert_allclose(fashion.x.double().mean() / 255, 0.2860, atol=5e-5)


@pytest.mark.usefixtures("real_data", "no_download")
def test_fashion_mnist_loads_by_name_with_noise():
    data = ib.load("fashion-mnist", noise="symmetric", rate=0.2, size=800)
    assert data.train.x.shape == (800, 1, 28, 28)
    assert data.train.x.mean((0, 2, 3)).abs().max() < 1e-4
    assert data.true_y.bincount().tolist() == pytest.approx([80] * 10, abs=1)
    assert data.is_noisy.mean() == 0.2
    assert (len(data.valid), len(data.test), len(data.classes)) == (1000, 10_000, 10)


@pytest.mark.usefixtures("no_download")
def test_page_in_place_of_data_is_one_line(folder):
    for name in fashion_mnist.CHECKSUMS:
        (folder / "FashionMNIST").mkdir(exist_ok=True)
        (folder / "FashionMNIST" / name).write_bytes(PAGE)
    file = folder / "FashionMNIST/train-images-idx3-ubyte.gz"
    line = f"{file} is damaged: Not a gzipped file (b'<h'); delete it to download it anew"
    assert complaint(ib.load, "fashion-mnist") == line
