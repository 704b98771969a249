"""What several test files share."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from influence_bench.bench.models.architecture import MODELS
from influence_bench.bench.registry.method import METHODS
from influence_bench.datasets.noise.kinds import NOISES
from influence_bench.datasets.source import DATASETS

torch.set_num_threads(1)  # the tensors here are small: more threads cost time, above all on a busy machine


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data files: a test that needs it skips where there is none, and fails in CI."""
    folder = Path(os.environ.get("INFLUENCE_BENCH_DATA", ""))
    if not (folder / "cifar-10-batches-bin").is_dir():
        reason = "INFLUENCE_BENCH_DATA names no folder of real data files"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return folder


@pytest.fixture
def small_heap() -> Iterator[None]:
    """kronfluence collects garbage at every step, which takes a second in a process that holds much else."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def own_methods() -> Iterator[None]:
    """The methods and plug-ins that a test registers are forgotten after it."""
    with METHODS.restored():
        yield
    for name in [name for name in sys.modules if name.startswith("influence_bench_plugin_")]:
        del sys.modules[name]


@pytest.fixture
def own_datasets() -> Iterator[None]:
    """The datasets that a test registers are forgotten after it."""
    with DATASETS.restored():
        yield


@pytest.fixture
def own_models() -> Iterator[None]:
    """The models that a test registers are forgotten after it."""
    with MODELS.restored():
        yield


@pytest.fixture
def own_noises() -> Iterator[None]:
    """The kinds of noise that a test registers are forgotten after it."""
    with NOISES.restored():
        yield
