"""Small archives of CIFAR's form, served by the web site."""

import hashlib
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from data_files import packed

from influence_bench.datasets.images import cifar, cifar_n


def pickled(labels):
    """Labels as torch saves them, with numpy's function under its name before numpy 2, as in the official file."""
    stored = io.BytesIO()
    torch.save(labels, stored, _use_new_zipfile_serialization=False)
    return stored.getvalue().replace(b"numpy._core.", b"numpy.core.")


@pytest.fixture
def served(site, monkeypatch):
    """Two functions: serve an archive of CIFAR's form with few random rows, and serve labels that people gave."""
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
