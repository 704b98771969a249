"""Exponents of growth, and what claims make of them."""

import numpy as np
import pytest
import torch
from judging import word, words
from made_up_runs import MadeUpRun
from timed_runs import FOREST, L1, L2, timed

from influence_bench.bench.errors import InputError
from influence_bench.bench.models.architecture import find_model
from influence_bench.reports import drawing
from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.judge import FALLS, OPEN, STANDS
from influence_bench.reports.claims.paper import complexity, runtime

ROWS = [(100, 10, 50), (200, 10, 50), (400, 10, 50)]
PARAMETERS = [(100, 10, 50), (100, 20, 50), (100, 40, 50)]
VALIDATION = [(100, 30, 50), (100, 30, 100), (100, 30, 200)]  # of another p, so as not to grow with the others
ALL = [*ROWS, *PARAMETERS[1:], *VALIDATION]
LINEAR = {
    "n": complexity.outlier_gradients_are_linear_in_the_rows,
    "p": complexity.outlier_gradients_are_linear_in_the_parameters,
}


def growing(n=1.0, p=1.0, v=0.0, datainf=1.0, sizes=ALL, **more):
    """A run whose outlier gradients take time by these exponents, and DataInf by an exponent of v."""
    took = dict.fromkeys((FOREST, L1, L2), lambda *size: np.prod(np.power(np.float64(size), (n, p, v))))
    return timed(took | {"datainf": lambda n, p, v: n * p * v**datainf}, sizes, **more)


@pytest.mark.parametrize("size", ["n", "p"])
@pytest.mark.parametrize(("power", "expected"), [(1.0, STANDS), (0.5, STANDS), (1.5, FALLS)])
def test_growth_is_linear_or_less_where_the_exponent_is_no_more_than_one(size, power, expected):
    run = growing(**{size: power})
    assert word(LINEAR[size], run) == expected
    assert complexity.exponents(runtime.costs(run), size).loc[FOREST].mean() == pytest.approx(power, abs=0.03)


@pytest.mark.parametrize(("power", "expected"), [(1.0, STANDS), (0.0, FALLS), (0.3, FALLS)])
def test_baselines_are_of_a_higher_order_where_their_time_grows_with_validation_rows(power, expected):
    assert word(complexity.baselines_are_of_a_higher_order, growing(datainf=power)) == expected


def test_an_exponent_at_the_bound_is_neither_shown_to_be_linear_nor_not_to():
    runs = [growing(n=1 + complexity.STEEP, sizes=ROWS, noise=0.1, first=number) for number in range(10)]
    assert words(LINEAR["n"], runs) == {OPEN}
    runs = [growing(datainf=0.5, sizes=VALIDATION, noise=0.1, first=number) for number in range(10)]
    assert words(complexity.baselines_are_of_a_higher_order, runs) == {OPEN}


@pytest.mark.parametrize("width", [drawing.PAGE, drawing.COLUMN])
def test_growth_is_drawn_against_rows_and_parameters(width):
    figure = complexity.growth(growing(), width)
    assert [axes.get_xlabel() for axes in figure.axes] == ["rows n", "parameters p"]
    assert all(len(axes.lines) == 4 and axes.get_yscale() == "log" for axes in figure.axes)
    assert len(drawing.image(figure, "svg")) > 1000


def test_growth_needs_several_sizes():
    with pytest.raises(Lacking, match="row at several sizes v"):
        complexity.exponents(runtime.costs(growing(sizes=ROWS)), "v")
    with pytest.raises(Lacking, match="finished cells"):
        complexity.growth(MadeUpRun(), drawing.PAGE)


def test_an_mlp_has_a_width_and_keeps_its_name_at_the_default():
    sizes = {
        name: sum(tensor.numel() for tensor in find_model(name).build(torch.Size((3, 32, 32)), 10).parameters())
        for name in ("mlp", "mlp[width=128]", "mlp[width=512]")
    }
    assert list(sizes.values()) == [402_250, 402_250, 1_707_274]
    assert find_model("mlp").label({"width": 128}) == "mlp"
    with pytest.raises(InputError, match="width=1 is out of range"):
        find_model("mlp[width=1]").build(torch.Size((2,)), 2)
