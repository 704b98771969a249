"""Exponents are those of the cost at growing sizes."""

import pytest
from rich.console import Console

from influence_bench.bench.speed.printout import print_scaling
from influence_bench.bench.speed.scaling import exponent, over_parameters, over_rows


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_exponent_of_a_power_law(power):
    sizes = [10, 100, 1000]
    assert exponent(sizes, [3 * size**power for size in sizes]) == pytest.approx(power)


def test_scaling_over_rows_and_parameters(shown, capsys):
    rows = over_rows(shown, (64, 128))
    parameters = over_parameters(shown, (10_000, 30_000))
    assert rows.sizes == [64, 128]
    assert parameters.sizes == pytest.approx([10_000, 30_000], rel=0.02)
    for scaling in (rows, parameters):
        assert all(len(series) == 2 and min(series) > 0 for series in scaling.priced_seconds.values())
        assert {name: pytest.approx(e) for name, e in scaling.exponents.items()} == {
            name: exponent(scaling.sizes, series) for name, series in scaling.priced_seconds.items()
        }
        print_scaling(scaling, Console(width=80))
        assert f"{scaling.sizes[1]:,}" in capsys.readouterr().out
