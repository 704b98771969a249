"""Every loader of official files reads the official bytes, and says in one line which file is not what it should be."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pooch
import pytest
import torch
from data_files import complaint, files, read

from influence_bench.datasets.images import cifar, cifar_n, fashion_mnist, label_errors, mnist
from influence_bench.datasets.source import DATASETS
from influence_bench.datasets.tables import adult

BATCHES = tuple(cifar.CIFAR_10.rows)
MNIST = [f"MNIST/{name}" for name in mnist.CHECKSUMS]
FILES = {  # of each loader, in the folder of real data
    "adult": ["adult/adult.data", "adult/adult.test"],
    "cifar10": [*BATCHES],
    "cifar10-test-errors": [*BATCHES, "label-errors/cifar10_mturk.json"],
    "cifar10n": [*BATCHES, "cifar-10-100n/CIFAR-10_human.pt"],
    "fashion-mnist": [f"FashionMNIST/{name}" for name in fashion_mnist.CHECKSUMS],
    "mnist": MNIST,
    "mnist-test-errors": [*MNIST, "label-errors/mnist_mturk.json"],
    "pmlb[name=churn]": ["pmlb/churn.tsv.gz"],
}
SETS = {
    "MNIST": mnist,
    "FashionMNIST": fashion_mnist,
    "adult": adult,
    "cifar-10-100n": cifar_n,
    "label-errors": label_errors,
}
OFFICIAL = {  # the address and the checksum of those whose very bytes are at hand
    f"{folder}/{name}": (module.URL + name, checksum)
    for folder, module in SETS.items()
    for name, checksum in module.CHECKSUMS.items()
    if not (folder == "FashionMNIST" and "images" in name)
}
DAMAGES = {
    "cut short": lambda content: content[: len(content) // 2],
    "a page": lambda content: b"<html><body>log in first</body></html>",
    "empty": lambda content: b"",
    "other beginning": lambda content: b"\xff" * 4 + content[4:],
}


@pytest.fixture
def real(real_data, tmp_path_factory):
    """The path of a real file by its name."""

    def path(name):
        if name.startswith("pmlb"):
            packed = tmp_path_factory.getbasetemp() / Path(name).name
            packed.write_bytes(gzip.compress((real_data / name).with_suffix("").read_bytes(), mtime=0))
            return packed
        return real_data / name

    return path


@pytest.fixture
def network(real, monkeypatch):
    """A network in place of the true one: it serves the official bytes, damaged on demand."""

    network = SimpleNamespace(asked=[], damage=lambda content: content)

    def download(url, output_file, _):
        name = next(name for name, (address, _) in OFFICIAL.items() if address == url)
        network.asked.append(name)
        Path(output_file).write_bytes(network.damage(real(name).read_bytes()))

    monkeypatch.setattr(pooch, "HTTPDownloader", lambda **_: download)
    return network


def put(folder, real, names):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(real(name))


def test_the_contract_covers_every_loader_that_downloads():
    """OpenML's own library downloads and checks its files; CIFAR-100's images are not at hand. Texts: elsewhere."""
    downloads = {name for name, loader in DATASETS.all().items() if loader.downloads}
    elsewhere = {"openml", "cifar100", "cifar100n", "cifar100-test-errors"}
    texts = {name for name, loader in DATASETS.all().items() if loader.kind == "text" and loader.downloads}
    assert downloads == {name.partition("[")[0] for name in FILES} | elsewhere | texts


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_bytes_have_the_checksum_that_a_download_must_have(real_data, name):
    kind, _, digest = OFFICIAL[name][1].partition(":")
    assert pooch.file_hash(str(real_data / name), alg=kind) == digest


@pytest.mark.parametrize("name", FILES)
def test_what_is_missing_is_downloaded_once_and_read(folder, real, network, name):
    put(folder, real, [file for file in FILES[name] if file not in OFFICIAL])
    first, again = read(name), read(name)
    assert sorted(network.asked) == sorted(file for file in FILES[name] if file in OFFICIAL)
    assert files(folder) == sorted(FILES[name])
    assert torch.equal(first.x, again.x)
    assert torch.equal(first.y, again.y)
    assert len(first.x) == len(first.y)
    assert int(first.y.max()) == len(first.classes) - 1


READER = {file: name for name, names in reversed(FILES.items()) for file in names if file not in BATCHES[1:]}
DOWNLOADED = [(name, file) for file, name in READER.items() if file in OFFICIAL]


@pytest.mark.parametrize("damage", ["cut short", "a page"])
@pytest.mark.parametrize(("name", "file"), DOWNLOADED)
def test_wrong_bytes_from_the_network_are_one_line_and_leave_nothing(folder, real, network, name, file, damage):
    put(folder, real, [other for other in FILES[name] if other != file])
    before = files(folder)
    network.damage = DAMAGES[damage]
    line = complaint(read, name)
    assert f"{Path(file).name} could not be downloaded from {OFFICIAL[file][0]}" in line
    assert f"put {Path(file).name} into {folder / file.rpartition('/')[0]} by hand" in line
    assert files(folder) == before


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("file", "name"), READER.items())
def test_damaged_file_in_the_folder_is_one_line_that_names_it(folder, real, name, file, damage):
    put(folder, real, [other for other in FILES[name] if other != file])
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(DAMAGES[damage](real(file).read_bytes()))
    line = complaint(read, name)
    assert line.startswith(f"{path} is damaged: ")
    assert line.endswith("; delete it to download it anew")
    assert files(folder) == sorted(FILES[name])


@pytest.mark.parametrize(("file", "name"), READER.items())
def test_folder_in_place_of_a_file_is_one_line(folder, real, name, file):
    put(folder, real, [other for other in FILES[name] if other != file])
    (folder / file).mkdir(parents=True)
    assert complaint(read, name).startswith(str(folder / file))


def test_two_readers_at_once_never_see_half_a_file(folder, real, network):
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(read, ["mnist-test-errors"] * 2)
    assert torch.equal(first.y, second.y)
    assert files(folder) == sorted(FILES["mnist-test-errors"])
