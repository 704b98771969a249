"""Two runs compared: cells are matched, changes are means with intervals, lost cells are named."""

import numpy as np
import pytest
from made_up_runs import failing, frame

import influence_bench as ib
from influence_bench.reports.compare import compare


def test_comparing_pairs_the_cells_that_both_runs_have() -> None:
    before = frame(["loss", "tracin"])
    after = before.assign(
        roc_auc=before["roc_auc"] + np.where(before["method"] == "loss", 0.02, 0.0),
        epochs=before["epochs"] / 2,
        peak_bytes=before["peak_bytes"] * 3,
    )
    after = failing(after, after.index[-2:], "timeout", "after 60 s").drop(index=0)
    change = compare(before, after)
    assert change.loc["loss", ["difference", "low", "high"]].tolist() == pytest.approx([0.02, 0.02, 0.02])
    assert change["verdict"].tolist() == ["better", ""]  # one seed is left of a problem of tracin
    assert change["epochs_ratio"].tolist() == pytest.approx([0.5, 0.5])
    assert change["memory_ratio"].tolist() == pytest.approx([3.0, 3.0])
    assert change["cells"].tolist() == [11, 10]
    assert change["status_changes"].tolist() == ["", "ok → timeout: 2"]


def test_comparing_runs_without_a_common_cell_is_refused() -> None:
    with pytest.raises(ib.InputError, match="share no cell"):
        compare(frame(["loss"]), frame(["tracin"]))


def test_epochs_are_compared_where_they_are_long_enough_for_a_unit() -> None:
    before = frame(["loss", "tracin"])
    short = before["dataset"] == "digits"
    before["epoch_seconds"] = np.where(short, 0.001, 1.0)
    after = before.assign(epochs=before["epochs"] * np.where(short, 40.0, 2.0))
    assert compare(before, after)["epochs_ratio"].tolist() == pytest.approx([2.0, 2.0])
    nowhere = compare(before[short], after[short])
    assert nowhere["epochs_ratio"].isna().all()
