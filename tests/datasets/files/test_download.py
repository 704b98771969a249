"""Data files are downloaded whole or not at all."""

import hashlib
import io
import socket
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier

import pooch
import pytest
from data_files import BODY, PAGE, complaint, files
from rich.console import Console

from influence_bench.datasets.files import download

SHA256 = "sha256:" + hashlib.sha256(BODY).hexdigest()


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
        site.files["/file"] = PAGE
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
