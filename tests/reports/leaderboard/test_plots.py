"""The plots of a leaderboard."""

import pandas as pd
import pytest
from made_up_runs import DATASETS, failing, frame, with_short_epochs

from influence_bench.reports.drawing import PAGE
from influence_bench.reports.leaderboard.board import board_of
from influence_bench.reports.leaderboard.plots import cost


def test_labels_in_the_cost_plot_do_not_overlap() -> None:
    cells = frame()
    twins = cells.assign(method=cells["method"] + "-twin")
    figure = cost(board_of(pd.concat([cells, twins])), PAGE)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 10
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize(
    ("datasets", "unit"),
    [([], "training epochs"), (["digits"], "milliseconds per 1,000"), (DATASETS, "milliseconds per 1,000")],
    ids=["long epochs", "some short epochs", "short epochs"],
)
def test_costs_are_drawn_in_the_unit_that_holds_for_all_problems(datasets: list[str], unit: str) -> None:
    axes = cost(board_of(with_short_epochs(frame(), *datasets)), PAGE).axes[0]
    assert unit in axes.get_xlabel()
    assert all(
        low < x < high
        for low, high in [axes.get_xlim()]
        for points in axes.collections
        for x, _ in points.get_offsets()
    )


def test_methods_with_failed_cells_are_hollow_in_the_cost_plot() -> None:
    cells = failing(frame(), slice(0, 1), "timeout", "after 60 s")  # of el2n
    faces = [face for points in cost(board_of(cells), PAGE).axes[0].collections for face in points.get_facecolor()]
    assert sum(face.tolist() == [1, 1, 1, 1] for face in faces) == 1
