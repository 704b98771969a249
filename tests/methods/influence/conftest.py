"""The planted problem with its dense gradients and curvature."""

import pytest
import torch
from oracle import LAST, Oracle


@pytest.fixture(scope="session")
def small():
    """A trained network in float64, its flat gradients and its dense Hessian by `torch.func` over all parameters."""
    oracle = Oracle(torch.float64)
    return oracle.problem, {split: oracle.gradients(split) for split in ("train", "valid")}, oracle.hessian()


@pytest.fixture(scope="session", params=[(torch.float64, 1e-6), (torch.float32, 1e-3)], ids=["float64", "float32"])
def last(request):
    """The problem, the last layer's gradients (n, p) and Hessian (p, p), and the relative error that is allowed."""
    oracle, part = Oracle(request.param[0]), slice(-LAST, None)
    return oracle, oracle.gradients("train")[:, part], oracle.hessian()[part, part], request.param[1]
