"""MNIST has the published images."""

import numpy as np
import pytest

from influence_bench.datasets.images import mnist


@pytest.mark.usefixtures("real_data", "no_download")
def test_mnist_has_the_published_images():
    source = mnist.mnist()
    assert source.x.shape == (60_000, 1, 28, 28)
    assert source.test.x.shape == (10_000, 1, 28, 28)
    assert source.y.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert source.y[:5].tolist() == [5, 0, 4, 1, 9]
    np.testing.assert_allclose(source.x.double().mean() / 255, 0.1307, atol=5e-5)
