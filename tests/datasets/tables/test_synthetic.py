"""The generated datasets have the numbers of the paper, or the numbers that the user asks for."""

import numpy as np
import pytest
import torch

import influence_bench as ib
from influence_bench.datasets.tables.synthetic import gaussians


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("name", "rate", "n", "flipped"), [("blobs", 0.067, 150, 10), ("half-moons", 0.08, 250, 20)])
def test_the_synthetic_sets_have_the_numbers_of_the_paper(name, rate, n, flipped, seed):
    data = ib.load(name, noise="symmetric", rate=rate, seed=seed)
    assert (len(data.train), len(data.test), data.is_noisy.sum()) == (n, 100, flipped)
    per_class = ib.load(name, noise=f"confusion[matrix={[[1 - rate, rate], [rate, 1 - rate]]}]", seed=seed)
    assert np.bincount(per_class.true_y[per_class.is_noisy]).tolist() == pytest.approx([flipped / 2] * 2, abs=1)


def test_gaussians_have_the_asked_size_and_separation():
    source = gaussians(0, rows=5000, features=50, classes=5, separation=6.0)
    assert source.x.shape == (5000, 50)
    assert source.x.dtype == torch.float32
    assert torch.bincount(source.y).tolist() == [1000] * 5
    centres = torch.stack([source.x[source.y == k].mean(0) for k in range(5)])
    assert torch.pdist(centres).square().mean().sqrt() == pytest.approx(6, rel=0.2)
    assert (source.x - centres[source.y]).std() == pytest.approx(1, abs=0.01)
    assert torch.equal(gaussians(0, rows=5000, features=50, classes=5, separation=6.0).x, source.x)
    with pytest.raises(ib.InputError, match="10 rows for each class"):
        gaussians(0, rows=50, classes=10)
    data = ib.load("gaussians[rows=400,features=8,classes=4]", noise="instance", rate=0.1)
    assert (data.train.x.shape, data.is_noisy.sum()) == ((270, 8), 27)
