"""The curves of retrained models."""

import numpy as np
import pytest
from made_up_runs import MadeUpRun, retrained

from influence_bench.reports.drawing import PAGE
from influence_bench.reports.style import FAMILIES
from influence_bench.reports.trimming.curves import accuracy_by_budget, by_budget
from influence_bench.reports.trimming.gains import trimming_of


def test_a_line_of_retrained_models_is_drawn_over_the_others_in_grey() -> None:
    trimming = trimming_of([MadeUpRun(trainings=retrained())])
    assert trimming is not None
    figure = by_budget(trimming, "digits · mlp", PAGE)
    panel = next(axes for axes in figure.axes if axes.get_title(loc="left") == "loss")
    assert [label.get_text() for label in panel.get_xticklabels()] == ["5", "true\n(20)"]
    assert np.allclose(panel.lines[5].get_ydata(), 0.5, atol=0.05)
    assert panel.lines[5].get_color() == FAMILIES["label quality"][0]


def test_accuracy_by_budget_is_absolute_with_random_removal_dashed_in_every_panel():
    trained = retrained()
    trained.loc[trained["budget"] == "true", "accuracy"] -= 0.3
    trimming = trimming_of([MadeUpRun(trainings=trained)])
    figure = accuracy_by_budget(trimming, "digits · mlp", PAGE)
    for axes in figure.axes:
        dashed = [line.get_ydata() for line in axes.lines if line.get_linestyle() == "--"]
        assert len(dashed) == 1
        assert dashed[0] == pytest.approx([90, 60], abs=0.01)
    assert "random" not in {axes.get_title(loc="left") for axes in figure.axes}
