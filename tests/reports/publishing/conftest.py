"""Published runs, each test with copies of its own."""

import shutil

import pytest
from stored_runs import stored_run

from influence_bench.bench.results.archive import pack, unpack
from influence_bench.bench.results.opening import ARCHIVE
from influence_bench.reports.publishing.publish import publish


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    """A published run with retrained models, and two with a page of claims."""
    folder = tmp_path_factory.mktemp("original")
    publish([stored_run(folder / "runs" / "quick", trimmed=True)], folder / "published" / "quick")
    runs = [stored_run(folder / "runs" / suite, suite=suite) for suite in ("paper-trees", "paper-text")]
    publish(runs, folder / "published" / "paper")
    return folder / "published"


@pytest.fixture
def published(original, tmp_path):
    """The folder of the published runs."""
    return shutil.copytree(original, tmp_path / "published")


@pytest.fixture
def forge(tmp_path):
    """Change a published run by a function and pack it again, with digests that fit."""

    def forged(folder, change):
        run = unpack(folder / ARCHIVE, tmp_path / "forged")
        change(run)
        pack(run, folder / ARCHIVE)

    return forged
