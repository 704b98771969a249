"""The cost of scores: times with and without the gradients, exponents of growth, and their verdicts on the paper."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up_runs import SPEC, MadeUpRun, cell, problem

from influence_bench.bench.errors import InputError
from influence_bench.bench.models.architecture import find_model
from influence_bench.bench.results.records import Cost
from influence_bench.bench.results.run import Run
from influence_bench.reports import drawing
from influence_bench.reports.claims.claim import Lacking
from influence_bench.reports.claims.paper import runtime
from influence_bench.reports.statistics import estimates

FOREST, L1, L2 = runtime.OUTLIER
SHAPES = [(100, 10), (200, 10), (400, 10), (100, 20), (100, 40)]  # n, p


def recorded(folder, seconds, shapes, layers=None):
    """A run whose cells took some seconds; one pass for the gradients takes one second at n = 100 and p = 10.

    Args:
        seconds: by row, as a function of n and p.
        layers: of every row.
    """
    run, rng = Run(folder), np.random.default_rng(0)
    for n, p in shapes:
        for seed in range(3):
            spec = replace(SPEC, size=n, model=f"mlp[width={p}]", seed=seed)
            run.write_problem(problem(spec, n, p), {"truth": np.arange(n) < 5})
            for row, took in seconds.items():
                one_pass, noise = n * p / 1000, rng.normal(1, 0.01)
                family = "outlier gradient" if row in runtime.OUTLIER else "influence function"
                paid = cost(took(n, p) * noise, one_pass * noise)
                run.write_cell(cell(with_layers(row, layers), spec.slug, paid, family=family), np.arange(float(n)))
    return run


def with_layers(row, layers):
    if layers is None:
        return row
    return row.replace("]", f",layers={layers}]") if "[" in row else f"{row}[layers={layers}]"


def cost(seconds, gradients):
    return Cost(seconds, seconds, gradients, 0.001, 0.0, 0.0, 1.0, 1.0, 1_000_000, 0, {})


def of_one_pass(share):
    return lambda n, p: (1 + share) * n * p / 1000


def test_an_exponent_has_an_interval():
    sizes = np.repeat([1e3, 1e4, 1e5], 3)
    slope, low, high = estimates.power_of(sizes, 3e-6 * sizes**1.5 * np.tile([0.9, 1.0, 1.1], 3))
    assert low < 1.5 < high
    assert slope == pytest.approx(1.5)
    assert high - low < 0.2


def test_the_fastest_baseline_is_compared_with_the_slowest_outlier_gradient(tmp_path):
    took = {FOREST: of_one_pass(1), L1: of_one_pass(0), L2: of_one_pass(0), "grad-dot": of_one_pass(0)}
    run = recorded(tmp_path, took | {"datainf": of_one_pass(4), "lissa": of_one_pass(99)}, [(100, 10)])
    row, reference, ratio = runtime.nearest(runtime.table(runtime.costs(run), "seconds"))
    assert (row, reference) == ("datainf", FOREST)
    assert ratio[0] == pytest.approx(2.5, rel=0.03)
    beyond = runtime.nearest(runtime.table(runtime.costs(run), "beyond"))[2]
    assert beyond[0] == pytest.approx(4, rel=0.1)  # a pass of the forest's two, of DataInf's five
    faster = runtime.outlier_gradients_are_orders_of_magnitude_faster(run)
    assert faster.verdict.startswith("Gradients counted, it does not stand: datainf 2.5×")
    assert "Gradients not counted, as in the paper, it does not stand" in faster.verdict
    assert "lissa 100 [" in faster.ours
    assert "it stands: datainf 2.5×" in runtime.only_gradient_tracing_is_faster(run).verdict


def test_the_share_that_the_papers_times_leave_out_is_given(tmp_path):
    took = {FOREST: of_one_pass(3), L1: of_one_pass(0), L2: of_one_pass(0), "datainf": of_one_pass(4)}
    finding = runtime.the_gradients_are_left_out_of_the_times(recorded(tmp_path, took, [(100, 10)]))
    assert "outlier-gradient 25.0 % [" in finding.ours
    assert finding.verdict.startswith("Confirmed in part")


@pytest.mark.parametrize(("power", "verdict"), [(1, "Stands"), (2, "Does not stand here")])
def test_growth_is_distinguished_from_linear(tmp_path, power, verdict):
    took = {name: lambda n, p: n * p**power / 1000 for name in runtime.OUTLIER}
    run = recorded(tmp_path, took | {"datainf": lambda n, p: n * p**2 / 1000}, SHAPES)
    finding = runtime.outlier_gradients_cost_as_much_as_rows_times_parameters(run)
    assert finding.verdict.startswith(verdict)
    assert "outlier-gradient: n 1.0" in finding.ours
    higher = runtime.baselines_are_of_a_higher_order(run).verdict
    assert ("Stands for datainf" in higher) == (power == 1)


@pytest.mark.parametrize("width", [drawing.PAGE, drawing.COLUMN])
def test_growth_is_drawn_against_rows_and_parameters(tmp_path, width):
    run = recorded(tmp_path, {name: of_one_pass(1) for name in (FOREST, L1, L2, "datainf")}, SHAPES)
    figure = runtime.growth(run, width)
    assert [axes.get_xlabel() for axes in figure.axes] == ["rows n", "parameters p"]
    assert all(len(axes.lines) == 4 and axes.get_yscale() == "log" for axes in figure.axes)
    assert len(drawing.image(figure, "svg")) > 1000


def test_layers_are_taken_off_a_row_by_its_hyperparameters(tmp_path):
    rows = {FOREST, L2, "lissa[steps=50]"}
    run = recorded(tmp_path, dict.fromkeys(rows, of_one_pass(1)), [(100, 10)], "all")
    assert "outlier-gradient[layers=all]" in {record.method for record in run.cells()}
    assert set(runtime.costs(run)["method"]) == rows


@pytest.mark.parametrize(
    ("rows", "shapes", "lack"),
    [
        ((FOREST, "datainf"), [(100, 10)], r"outlier-gradient\[detector=l2\]"),
        ((FOREST, L2), [(100, 10)], "baseline besides tracing"),
    ],
)
def test_a_comparison_of_times_lacks_its_rows_by_name(tmp_path, rows, shapes, lack):
    run = recorded(tmp_path, dict.fromkeys(rows, of_one_pass(1)), shapes)
    with pytest.raises(Lacking, match=lack):
        runtime.only_gradient_tracing_is_faster(run)


def test_growth_needs_several_sizes(tmp_path):
    with pytest.raises(Lacking, match="at several sizes n"):
        runtime.baselines_are_of_a_higher_order(recorded(tmp_path, {L2: of_one_pass(0)}, [(100, 10)]))
    with pytest.raises(Lacking, match="finished cells"):
        runtime.growth(MadeUpRun(), drawing.PAGE)


def test_an_mlp_has_a_width_and_keeps_its_name_at_the_default():
    sizes = {
        name: sum(tensor.numel() for tensor in find_model(name).build(torch.Size((3, 32, 32)), 10).parameters())
        for name in ("mlp", "mlp[width=128]", "mlp[width=512]")
    }
    assert list(sizes.values()) == [402_250, 402_250, 1_707_274]
    assert find_model("mlp").label({"width": 128}) == "mlp"
    with pytest.raises(InputError, match="width=1 is out of range"):
        find_model("mlp[width=1]").build(torch.Size((2,)), 2)
