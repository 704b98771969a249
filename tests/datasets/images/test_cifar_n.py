"""CIFAR-10N and CIFAR-100N have the published images and noise, downloaded or not."""

import numpy as np
import pytest
import torch
from data_files import complaint, files

import influence_bench as ib
from influence_bench.datasets.images import cifar, cifar_n

WRONG = {"aggregate": 4505, "random1": 8617, "random2": 9061, "random3": 8820, "worst": 20104}


@pytest.fixture(scope="module")
def cifar10n(real_data):
    return cifar_n.cifar10n()


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
    """All 50,000 labels: `human_labels` refuses the file if its copy of a label differs."""
    plain = cifar.cifar10()
    assert torch.equal(plain.y, cifar10n.y)
    assert torch.equal(plain.x, cifar10n.x)
    assert not plain.human


@pytest.mark.parametrize(("kind", "classes", "wrong"), [("", 100, 20100), ("_coarse", 20, 13202)])
def test_cifar100n_has_the_published_noise(real_data, kind, classes, wrong):
    """The labels alone: 40.200 % of the fine and 26.404 % of the coarse labels are wrong."""
    path = real_data / "cifar-10-100n" / "CIFAR-100_human.pt"
    with np.load(real_data / "cifar-10-100n" / "cifar_n_labels.npz", allow_pickle=False) as copies:
        true_y = torch.tensor(copies[f"CIFAR100_clean{kind}_label"]).long()
        noisy = torch.tensor(copies[f"CIFAR100_noisy{kind}_label"]).long()
    read = cifar_n.human_labels(path, true_y, classes, f"clean{kind}_label", {"human": f"noisy{kind}_label"})
    assert torch.equal(read["human"], noisy)
    assert int((read["human"] != true_y).sum()) == wrong


@pytest.mark.usefixtures("real_data")
def test_cifar10n_loads_by_name_with_its_noise():
    data = ib.load("cifar10n", noise="worst", size=800)
    assert data.train.x.shape == (800, 3, 32, 32)
    assert data.train.x.mean((0, 2, 3)).abs().max() < 1e-4
    assert data.true_y.bincount().tolist() == pytest.approx([80] * 10, abs=1)
    assert data.is_noisy.mean() == pytest.approx(0.40208, abs=0.05)
    assert (len(data.valid), len(data.test), len(data.classes)) == (1000, 10_000, 10)


def test_cifar10n_is_downloaded_extracted_and_read(site, folder, served):
    serve, serve_labels = served
    *train, test = serve("CIFAR_10", [10], rows=8).values()
    train = np.concatenate(train)
    true_y = train[:, 0].astype(np.int64)
    labels = {key: (true_y + shift) % 10 for shift, key in enumerate(["clean_label", *cifar_n.NOISES.values()])}
    serve_labels("CIFAR-10_human.pt", labels)

    first, again = cifar_n.cifar10n(), cifar_n.cifar10n()

    assert site.asked == ["/cifar-10-binary.tar.gz", "/CIFAR-10_human.pt"]
    assert files(folder.parent) == sorted(
        f"data/{name}" for name in [*cifar.CIFAR_10.rows, "cifar-10-100n/CIFAR-10_human.pt", "cifar-10-binary.tar.gz"]
    )
    np.testing.assert_array_equal(first.x, train[:, 1:].reshape(40, 3, 32, 32))
    np.testing.assert_array_equal(first.test.x, test[:, 1:].reshape(8, 3, 32, 32))
    np.testing.assert_array_equal(first.test.y, test[:, 0])
    for noise, key in cifar_n.NOISES.items():
        np.testing.assert_array_equal(first.human[noise], labels[key])
    assert torch.equal(first.x, again.x)


@pytest.mark.parametrize(("labels", "column", "kind", "classes"), [("fine", 1, "", 100), ("coarse", 0, "_coarse", 20)])
def test_cifar100n_is_downloaded_extracted_and_read(folder, served, labels, column, kind, classes):
    serve, serve_labels = served
    train, test = serve("CIFAR_100", [20, 100], rows=8).values()
    true_y = train[:, column].astype(np.int64)
    noisy = (true_y + 1) % 20
    stored = [true_y, noisy] if labels == "fine" else [true_y.tolist(), noisy.tolist()]  # as in the official file
    serve_labels("CIFAR-100_human.pt", dict(zip([f"clean{kind}_label", f"noisy{kind}_label"], stored, strict=True)))
    read = cifar_n.cifar100n(labels)
    np.testing.assert_array_equal(read.x, train[:, 2:].reshape(8, 3, 32, 32))
    np.testing.assert_array_equal(read.y, true_y)
    np.testing.assert_array_equal(read.test.y, test[:, column])
    np.testing.assert_array_equal(read.human["human"], noisy)
    assert len(read.classes) == classes
    assert "evil" not in " ".join(files(folder.parent))
    if labels == "fine":
        assert torch.equal(cifar.cifar100().y, read.y)


def test_labels_of_other_rows_are_one_line(folder, served):
    serve, serve_labels = served
    train, _ = serve("CIFAR_100", [20, 100], rows=8).values()
    serve_labels("CIFAR-100_human.pt", dict.fromkeys(["clean_label", "noisy_label"], train[::-1, 1].astype(np.int64)))
    assert "is not CIFAR's own; delete it to download it anew" in complaint(cifar_n.cifar100n)
