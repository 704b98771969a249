"""Data folders, and a web site on this machine to download from."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace

import pooch
import pytest
from data_files import BODY


@pytest.fixture
def no_download(monkeypatch):
    """A test fails that tries to download."""

    def refuse(*_, **__):
        raise AssertionError("a test tried to download")

    monkeypatch.setattr(pooch, "retrieve", refuse)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("INFLUENCE_BENCH_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def site(monkeypatch):
    """A web site: the files that it serves by path, the paths asked for, and what happens halfway through an answer."""
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
