"""Image datasets are read as published, and damaged formats and labels are one clear line."""

import gzip
import io
import os
import pickle
import struct
from dataclasses import replace

import numpy as np
import pooch
import pytest
import torch

import influence_bench as ib
from influence_bench.datasets.files.idx import read_idx
from influence_bench.datasets.images import cifar, cifar_n, fashion_mnist, mnist

WRONG = {"aggregate": 4505, "random1": 8617, "random2": 9061, "random3": 8820, "worst": 20104}


@pytest.fixture(autouse=True)
def no_download(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a test tried to download")

    monkeypatch.setattr(pooch, "retrieve", refuse)


@pytest.fixture(scope="module")
def cifar10n(real_data):
    return cifar_n.cifar10n()


@pytest.fixture(scope="module")
def fashion(real_data):
    return fashion_mnist.fashion_mnist()


@pytest.mark.parametrize("noise", WRONG)
def test_cifar10n_has_the_published_noise(cifar10n, noise):
    given = cifar10n.human[noise]
    assert int((given != cifar10n.y).sum()) == WRONG[noise]
    assert given.unique().tolist() == list(range(10))


def test_cifar10n_has_the_published_images(cifar10n):
    assert cifar10n.x.shape == (50_000, 3, 32, 32)
    assert cifar10n.test.x.shape == (10_000, 3, 32, 32)
    assert cifar10n.x.dtype == cifar10n.test.x.dtype == torch.uint8
    assert cifar10n.y.bincount().tolist() == [5000] * 10
    assert cifar10n.test.y.bincount().tolist() == [1000] * 10
    means = [cifar10n.x[:, channel].double().mean() / 255 for channel in range(3)]
    np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=5e-5)


def test_clean_labels_of_cifar10n_are_those_of_the_images(cifar10n):
    """All 50,000, by the file's own copy: `human_labels` refuses the file if one differs."""
    plain = cifar.cifar10()
    assert torch.equal(plain.y, cifar10n.y)
    assert torch.equal(plain.x, cifar10n.x)
    assert not plain.human


@pytest.mark.parametrize(("kind", "classes", "wrong"), [("", 100, 20100), ("_coarse", 20, 13202)])
def test_cifar100n_has_the_published_noise(real_data, kind, classes, wrong):
    """The labels alone: 40.200 % of the fine and 26.404 % of the coarse ones are wrong."""
    path = real_data / "cifar-10-100n" / "CIFAR-100_human.pt"
    with np.load(real_data / "cifar-10-100n" / "cifar_n_labels.npz", allow_pickle=False) as copies:
        true_y = torch.tensor(copies[f"CIFAR100_clean{kind}_label"]).long()
        noisy = torch.tensor(copies[f"CIFAR100_noisy{kind}_label"]).long()
    read = cifar_n.human_labels(path, true_y, classes, f"clean{kind}_label", {"human": f"noisy{kind}_label"})
    assert torch.equal(read["human"], noisy)
    assert int((read["human"] != true_y).sum()) == wrong


def test_mnist_has_the_published_images(real_data):
    read = mnist.mnist()
    assert read.x.shape == (60_000, 1, 28, 28)
    assert read.test.x.shape == (10_000, 1, 28, 28)
    assert read.y.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert read.y[:5].tolist() == [5, 0, 4, 1, 9]
    np.testing.assert_allclose(read.x.double().mean() / 255, 0.1307, atol=5e-5)


def test_fashion_mnist_has_the_published_images(fashion):
    assert fashion.x.shape == (60_000, 1, 28, 28)
    assert fashion.test.x.shape == (10_000, 1, 28, 28)
    assert fashion.x.dtype == fashion.test.x.dtype == torch.uint8
    assert fashion.y.bincount().tolist() == [6000] * 10
    assert fashion.test.y.bincount().tolist() == [1000] * 10
    assert fashion.classes[int(fashion.y[0])] == "Ankle boot"
    np.testing.assert_allclose(fashion.x.double().mean() / 255, 0.2860, atol=5e-5)


@pytest.mark.parametrize(
    ("name", "noise", "rate", "shape"),
    [("cifar10n", "worst", 0.0, (3, 32, 32)), ("fashion-mnist", "symmetric", 0.2, (1, 28, 28))],
)
def test_images_load_by_name(real_data, name, noise, rate, shape):
    data = ib.load(name, noise=noise, rate=rate, seed=0, size=800)
    assert data.train.x.shape == (800, *shape)
    assert data.train.x.mean((0, 2, 3)).abs().max() < 1e-4
    assert data.true_y.bincount().tolist() == pytest.approx([80] * 10, abs=1)
    assert data.is_noisy.mean() == pytest.approx(rate or 0.40208, abs=0.05 if noise == "worst" else 0)
    assert (len(data.valid), len(data.test), len(data.classes)) == (1000, 10_000, 10)


def complaint(call, *arguments):
    """The one line that a call fails with."""
    with pytest.raises(ib.InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder with every file in place, all of them HTML pages."""
    monkeypatch.setenv("INFLUENCE_BENCH_DATA", str(tmp_path))
    fashion_names = (f"FashionMNIST/{name}" for name in fashion_mnist.CHECKSUMS)
    for name in (*cifar.CIFAR_10.rows, "cifar-10-100n/CIFAR-10_human.pt", *fashion_names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("<html>log in first</html>")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "file", "said"),
    [
        ("cifar10n", "cifar-10-batches-bin/data_batch_1.bin", "it has 25 bytes, not 30730000"),
        ("fashion-mnist", "FashionMNIST/train-images-idx3-ubyte.gz", "Not a gzipped file (b'<h')"),
    ],
)
def test_page_in_place_of_data_is_one_line(folder, name, file, said):
    line = f"{folder / file} is damaged: {said}; delete it to download it anew"
    assert complaint(ib.load, name) == line


def test_label_that_is_no_class_is_one_line(folder, monkeypatch):
    monkeypatch.setattr(cifar, "CIFAR_10", replace(cifar.CIFAR_10, rows=dict.fromkeys(cifar.CIFAR_10.rows, 2)))
    (folder / "cifar-10-batches-bin/data_batch_1.bin").write_bytes(bytes([3]) + bytes(3072) + bytes([10]) + bytes(3072))
    assert "its labels run from 3 to 10, not from 0 to 9" in complaint(ib.load, "cifar10n")


class Called:
    """Pickles as a call."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


TRUE_Y = torch.arange(50) % 10
LABELS = {key: TRUE_Y.numpy() for key in ("clean_label", *cifar_n.NOISES.values())}
TOLD = (TRUE_Y, 10, "clean_label", cifar_n.NOISES)
SHORT = Called(*np.empty(0).__reduce__()[:2], (1, (50,), np.dtype("i8"), False, b"123"))


def saved(content, **how):
    """As torch saves it, with numpy's function under its name before numpy 2, as in the official file."""
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False, **how)
    return buffer.getvalue().replace(b"numpy._core.", b"numpy.core.")


def test_human_labels_are_read(tmp_path):
    worse = (TRUE_Y.numpy() + 1) % 10
    (tmp_path / "human.pt").write_bytes(saved(LABELS | {"worse_label": worse}))
    read = cifar_n.human_labels(tmp_path / "human.pt", *TOLD)
    assert list(read) == list(WRONG)
    assert read["worst"].tolist() == worse.tolist()
    assert read["aggregate"].tolist() == TRUE_Y.tolist()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>log in first</html>", "it is not a pickle of plain arrays"),
        (b"", "it is not a pickle of plain arrays"),
        (saved(LABELS)[:-300], "it is not a pickle of plain arrays"),
        (saved([1, 2]), "its clean_label are not 50 whole numbers"),
        (saved({}), "its clean_label are not 50 whole numbers"),
        (saved(LABELS | {"worse_label": TRUE_Y.numpy()[:-1]}), "its worse_label are not 50 whole numbers"),
        (saved(LABELS | {"worse_label": SHORT}), "its worse_label are not 50 whole numbers"),
        (saved(LABELS | {"worse_label": TRUE_Y.double().numpy()}), "its worse_label are not 50 whole numbers"),
        (saved(LABELS | {"worse_label": TRUE_Y.numpy() - 1}), "its worse_label run from -1 to 8, not from 0 to 9"),
        (saved(LABELS | {"clean_label": TRUE_Y.numpy()[::-1].copy()}), "clean_label of row 0 is not CIFAR's own"),
    ],
    ids=["html", "empty", "truncated", "list", "keys", "rows", "bytes", "kind", "range", "order"],
)
def test_damaged_human_labels_are_one_line(tmp_path, content, said):
    path = tmp_path / "human.pt"
    path.write_bytes(content)
    line = complaint(cifar_n.human_labels, path, *TOLD)
    assert line.startswith(f"{path} is damaged: ")
    assert said in line
    assert line.endswith("; delete it to download it anew")


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_hostile_pickle_is_refused_without_running_it(tmp_path, form):
    path, effect = tmp_path / "human.pt", tmp_path / "effect"
    hostile = LABELS | {"clean_label": Called(os.mkdir, (str(effect),))}
    if form == "zip":
        torch.save(hostile, path)
    else:
        path.write_bytes(saved(hostile) if form == "legacy" else pickle.dumps(hostile, protocol=2))
    assert "nothing else is ever unpickled" in complaint(cifar_n.human_labels, path, *TOLD)
    assert not effect.exists()


def test_pickle_cannot_call_numpy(tmp_path):
    """`ndarray((1,), "O", bytes)` would take any address for an object."""
    path = tmp_path / "human.pt"
    call = Called(np.ndarray, ((50,), "i8", TRUE_Y.numpy().tobytes()))
    path.write_bytes(saved(LABELS | {"clean_label": call}))
    assert "its clean_label are not 50 whole numbers" in complaint(cifar_n.human_labels, path, *TOLD)
