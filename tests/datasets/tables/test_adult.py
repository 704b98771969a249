"""Adult has the published rows and columns."""

import pytest

from influence_bench.datasets.tables import adult


def test_adult_has_the_published_rows(real_data):
    source = adult.adult()
    assert source.x.shape == (32_561, 108)
    assert source.test.x.shape == (16_281, 108)
    assert source.classes == ("<=50K", ">50K")
    assert source.y.bincount().tolist() == [24_720, 7_841]
    assert source.test.y.bincount().tolist() == [12_435, 3_846]
    assert source.x[:, 0].mean() == pytest.approx(38.58, abs=0.01)
    unknown = (source.x[:, 1:].sum(0) == 1836).nonzero()  # people whose class of work is not known
    assert len(unknown) == 1
