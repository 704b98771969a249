"""The plots of a leaderboard."""

import pandas as pd
from made_up_runs import frame

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
