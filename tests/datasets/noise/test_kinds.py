"""The registry of kinds of noise: to add a kind is to decorate a function."""

import pytest

import influence_bench as ib
from influence_bench.datasets.noise.kinds import NOISES, noise


def test_every_kind_of_noise_says_what_it_does():
    listed = ib.noises().set_index("noise")
    assert set(listed.index) == set(NOISES.all())
    assert listed["idea"].str.endswith(".").all()
    assert listed.loc["gaussian", "arguments"] == "rate: float, scale: float = 2.0"


def test_a_new_kind_of_noise_is_one_decorated_function(own_noises):
    @noise
    def first_rows(rows, rng, *, rate: float, by: int = 1):
        """Give the first clean rows a later class."""
        drawn = rows.left[: rows.count(rate)]
        return rows.changed(drawn, y=(rows.true_y[drawn] + by) % rows.classes)

    data = ib.load("iris", noise="first-rows[by=2]", rate=0.1)
    assert data.is_noisy.nonzero()[0].tolist() == list(range(round(0.1 * len(data.train))))
    assert ((data.train.y - data.true_y) % 3)[data.is_noisy].tolist() == [2] * int(data.is_noisy.sum())
    assert ib.noises().set_index("noise").loc["first-rows", "arguments"] == "rate: float, by: int = 1"
    with pytest.raises(ib.InputError, match="no argument of first-rows 'bye': did you mean by"):
        ib.load("iris", noise="first-rows[bye=2]", rate=0.1)
