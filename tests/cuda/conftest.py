"""Tests of what needs a CUDA device; elsewhere they are skipped."""

from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test here, and skip it where there is no device."""
    for item in items:
        if item.path.parent == HERE:
            item.add_marker("cuda")
            item.add_marker(pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here"))
