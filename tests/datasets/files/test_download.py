"""Data files are downloaded whole or not at all, and archives write what is wanted and nothing else."""

import hashlib
import io
import socket
import tarfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier, Thread
from types import SimpleNamespace

import numpy as np
import pooch
import pytest
import torch
from rich.console import Console

import influence_bench as ib
from influence_bench.datasets.files import download
from influence_bench.datasets.images import cifar, cifar_n

BODY = bytes(range(256)) * 1000
SHA256 = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("INFLUENCE_BENCH_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def site(monkeypatch):
    """A web site on this machine: what it serves by path, and what happens halfway through each answer."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    site = SimpleNamespace(files={"/file": BODY}, asked=[], halfway=lambda: None, announced=len)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.asked.append(self.path)
            body = site.files.get(self.path)
            if body is None:
                return self.send_error(404)
            self.send_response(200)
            self.send_header("Content-Length", str(site.announced(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            site.halfway()
            return self.wfile.write(body[len(body) // 2 :])

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield site
        server.shutdown()


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def complaint(call, *arguments):
    """The one line that a call fails with."""
    with pytest.raises(ib.InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_file_is_downloaded_once(site, folder):
    for _ in range(2):
        assert download.fetch("set/file", f"{site.url}/file", SHA256).read_bytes() == BODY
    assert site.asked == ["/file"]
    assert files(folder) == ["set/file"]


def test_file_that_is_there_is_used_as_it_stands(site, folder):
    (folder / "file").write_bytes(b"the user's own")
    assert download.fetch("file", f"{site.url}/file", SHA256).read_bytes() == b"the user's own"
    assert site.asked == []


def test_without_the_variable_files_lie_in_the_users_cache(monkeypatch):
    monkeypatch.delenv("INFLUENCE_BENCH_DATA", raising=False)
    assert download.data_folder() == Path(pooch.os_cache("influence-bench"))


@pytest.mark.parametrize("trouble", ["wrong checksum", "not found", "cut short", "no server", "folder is a file"])
def test_failed_download_is_one_line_and_leaves_nothing(site, folder, trouble):
    url = f"{site.url}/file"
    if trouble == "wrong checksum":
        site.files["/file"] = b"<html>log in first</html>"
    elif trouble == "not found":
        url += "s"
    elif trouble == "cut short":
        site.announced = lambda body: len(body) + 1
    elif trouble == "no server":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            url = f"http://127.0.0.1:{closed.getsockname()[1]}/file"
    else:
        (folder / "set").write_bytes(b"")
    line = complaint(download.fetch, "set/file", url, SHA256)
    assert f"file could not be downloaded from {url}" in line
    assert f"put file into {folder / 'set'} by hand" in line
    assert files(folder) == (["set"] if trouble == "folder is a file" else [])


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_two_downloads_at_once_never_show_half_a_file(site, folder, kind):
    both, seen = Barrier(2), []

    def halfway():
        both.wait(10)
        seen.append((folder / "file").exists())
        both.wait(10)

    site.halfway = halfway
    processes = ProcessPoolExecutor(2, mp_context=get_context("fork"))
    with ThreadPoolExecutor(2) if kind == "threads" else processes as pool:
        calls = [pool.submit(download.fetch, "file", f"{site.url}/file", SHA256) for _ in range(2)]
        assert [call.result().read_bytes() for call in calls] == [BODY, BODY]
    assert seen == [False, False]
    assert files(folder) == ["file"]


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_drawn_on_a_terminal_only(site, folder, monkeypatch, terminal):
    drawn = io.StringIO()
    monkeypatch.setattr(download, "Console", lambda stderr: Console(file=drawn, force_terminal=terminal, width=80))
    download.fetch("file", f"{site.url}/file", SHA256)
    assert ("256.0/256.0 kB" in drawn.getvalue()) if terminal else drawn.getvalue() == ""


def packed(*members):
    """A .tar.gz of (name, content) or of ready members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = tarfile.SYMTYPE, str(content)
                tar.addfile(info)
    return buffer.getvalue()


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
    download.extract(archive, folder, {"set/one": 4, "set/two": 4})
    assert files(tmp_path) == ["a.tar.gz", "data/set/one", "data/set/two"]
    assert (folder / "set/one").read_bytes() == b"1111"
    assert (folder / "set/two").read_bytes() == b"the user's own"


def test_link_does_not_lead_outside(tmp_path, folder):
    (tmp_path / "outside").mkdir()
    (tmp_path / "a.tar.gz").write_bytes(packed(("set", tmp_path / "outside"), ("set/one", b"1111")))
    download.extract(tmp_path / "a.tar.gz", folder, {"set/one": 4})
    assert files(tmp_path) == ["a.tar.gz", "data/set/one"]
    assert not (folder / "set").is_symlink()


NOISE = np.random.default_rng(0).bytes(100_000)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (packed(("set/one", NOISE))[:50_000], "Compressed file ended"),
        (b"<html>log in first</html>", "not a gzip file"),
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
    line = complaint(download.extract, archive, folder, {"set/one": len(NOISE)})
    assert line.startswith(f"{archive} is damaged: ")
    assert said in line
    assert line.endswith("; delete it to download it anew")
    assert files(folder) == []


def test_archive_extracted_several_times_at_once(tmp_path, folder):
    (tmp_path / "a.tar.gz").write_bytes(packed(("set/one", NOISE), ("set/two", NOISE)))
    sizes = {"set/one": len(NOISE), "set/two": len(NOISE)}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: download.extract(tmp_path / "a.tar.gz", folder, sizes), range(8)))
    assert files(folder) == ["set/one", "set/two"]
    assert {(folder / name).read_bytes() for name in sizes} == {NOISE}


def pickled(labels):
    """As torch saves it, with numpy's function under its name before numpy 2, as in the official file."""
    stored = io.BytesIO()
    torch.save(labels, stored, _use_new_zipfile_serialization=False)
    return stored.getvalue().replace(b"numpy._core.", b"numpy.core.")


@pytest.fixture
def served(site, monkeypatch):
    """Serve archives of CIFAR's form with few random rows; gives the records by file."""
    monkeypatch.setattr(cifar, "URL", f"{site.url}/")
    monkeypatch.setattr(cifar_n, "URL", f"{site.url}/")

    def serve(which, classes, rows):
        rng, known = np.random.default_rng(0), getattr(cifar, which)
        records = {
            name: rng.integers(0, 256, (rows, known.labels + cifar.PIXELS), dtype=np.uint8) for name in known.rows
        }
        for content in records.values():
            content[:, : known.labels] %= np.array(classes, dtype=np.uint8)
        members = [(name, content.tobytes()) for name, content in records.items()]
        archive = packed(("../evil", b"evil"), *members, (f"{next(iter(records))}/../../../evil", b"evil"))
        site.files[f"/{known.name}"] = archive
        checksum = "sha256:" + hashlib.sha256(archive).hexdigest()
        monkeypatch.setattr(cifar, which, replace(known, checksum=checksum, rows=dict.fromkeys(records, rows)))
        return records

    def serve_labels(name, labels):
        site.files[f"/{name}"] = pickled(labels)
        monkeypatch.setitem(cifar_n.CHECKSUMS, name, "sha256:" + hashlib.sha256(site.files[f"/{name}"]).hexdigest())

    return serve, serve_labels


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
