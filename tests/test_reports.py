"""The report: what a reader sees, whatever the run holds."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import influence_bench as ib
from influence_bench.reports.compare import compare
from influence_bench.reports.headline import headline
from influence_bench.reports.page import html, write_report
from influence_bench.reports.plots import PAGE, cost
from influence_bench.reports.tables import Board, board

FAMILIES = {"el2n": "gradient norm", "loss": "label quality", "tracin": "gradient tracing", "random": "control"}
INFO: dict[str, Any] = {
    "title": "Quick: flipped labels",
    "suite": "quick",
    "created": "2026-11-23T20:00:00",
    "command": "influence-bench run quick",
    "machine": {"processor": "a processor", "cores": 2},
    "versions": {"numpy": "2.4.6", "torch": "2.9.0"},
    "code": "0123abcd",
}
METHODS = ["el2n", "loss", "outlier-gradient[detector=l1]", "tracin", "random"]
DATASETS = ["digits", "blobs", "half-moons", "breast-cancer"]


def frame(methods: list[str] = METHODS, datasets: list[str] = DATASETS, seeds: int = 3) -> pd.DataFrame:
    """Plausible cells: each method worse than the one before, `random` at chance, costs over four powers of ten."""
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([methods, datasets, range(seeds)], names=["method", "dataset", "seed"])
    cells = index.to_frame(index=False)
    name = cells["method"].str.partition("[")[0]
    place = cells["method"].map({method: i for i, method in enumerate(methods)})
    auc = np.where(name == "random", 0.5, 0.97 - 0.45 * place / len(methods)) + rng.normal(0, 0.008, len(cells))
    seconds = np.where(name == "random", 1e-4, 10 ** (place * 7 % 5 - 2.0)) * rng.uniform(0.9, 1.1, len(cells))
    return cells.assign(
        name=name,
        family=name.map(FAMILIES).fillna("outlier gradient"),
        uses=np.where(name == "tracin", "checkpoints,validation", ""),
        problem=cells["dataset"] + " · symmetric 20 % · mlp",
        noise="symmetric",
        rate=0.2,
        model="mlp",
        n_train=1000,
        **dict.fromkeys(("roc_auc", "average_precision", "precision_at_k", "recall_at_k"), auc),
        ndr_at_10=auc / 3,
        ndr_at_30=auc / 1.2,
        **dict.fromkeys(("seconds", "cpu_seconds", "gradients_seconds", "score_seconds"), seconds),
        retrain_seconds=0.0,
        warmup_seconds=0.3,
        epoch_seconds=0.1,
        epochs=seconds / 0.1,
        peak_bytes=3e6 * (1 + seconds),
        model_accuracy=0.9,
        status="ok",
        error="",
        notes="",
    )


def failing(cells: pd.DataFrame, rows: Any, status: str, error: str) -> pd.DataFrame:
    """The cells, those rows without any result."""
    lost = ["roc_auc", "average_precision", "precision_at_k", "recall_at_k", "seconds", "epochs", "peak_bytes"]
    cells.loc[rows, lost] = np.nan
    cells.loc[rows, ["status", "error"]] = status, error
    return cells


def page(board: Board) -> str:
    return html(board, "A title", [INFO])


def test_a_report_is_a_page_tables_and_plots(tmp_path: Path) -> None:
    index = write_report(frame(), [INFO], tmp_path / "report")
    files = {str(file.relative_to(index.parent)) for file in index.parent.rglob("*") if file.is_file()}
    plots = {
        f"plots/{name}.{kind}"
        for name in ("leaderboard", "cost", "cost-wide", "heatmap", "problems")
        for kind in ("svg", "png")
    }
    assert files == {"index.html", "leaderboard.md", "leaderboard.csv", "cells.csv"} | plots
    leaderboard = pd.read_csv(index.parent / "leaderboard.csv")
    assert list(leaderboard["method"]) == METHODS
    assert len(pd.read_csv(index.parent / "cells.csv")) == len(frame())
    assert "| 1   | el2n" in (index.parent / "leaderboard.md").read_text()


def test_the_page_asks_for_nothing_from_outside() -> None:
    text = page(board(frame()))
    references = re.findall(r"""(?:src|srcset|href)\s*=\s*["']?([^"'\s>]+)|url\(([^)]*)\)|@import\s+(\S+)""", text)
    assert len(references) > 4
    for reference in ("".join(found) for found in references):
        assert reference.startswith("data:") or "/" not in reference.removesuffix("/"), reference[:80]


def test_the_same_cells_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    for name, cells in (("a", frame()), ("b", frame().sample(frac=1, random_state=1))):
        write_report(cells, [INFO], tmp_path / name)
    files = [file.relative_to(tmp_path / "a") for file in (tmp_path / "a").rglob("*.*")]
    assert len(files) == 14
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_what_comes_from_the_frame_is_escaped(tmp_path: Path) -> None:
    hostile = "<script>alert('$x_$')</script>|*&"
    cells = frame([*METHODS, hostile]).assign(family=hostile, uses=hostile, notes=hostile)
    index = write_report(failing(cells, 0, "error", hostile), [INFO | {"command": hostile}], tmp_path)
    assert "<script>alert" not in index.read_text()
    assert "<script>alert" not in (tmp_path / "leaderboard.md").read_text()
    assert "&lt;script&gt;alert" in index.read_text()


def test_the_headline_names_the_winner_its_margin_its_certainty_and_its_price() -> None:
    winner, *rest = headline(board(frame(seeds=3)))
    assert re.fullmatch(
        r"el2n finds wrong labels best here: ROC-AUC 0\.9\d\d \[0\.9\d\d,\s0\.9\d\d\] "
        r"on average over 4 problems × 3 seeds, for the price of 0\.\d+ training epochs\.",
        winner,
    )
    assert rest[0] == "Every other method is significantly worse."
    assert rest[1].startswith("Random guessing: 0.")


def test_methods_that_cannot_be_told_from_the_best_are_named() -> None:
    cells = frame()
    twin = cells[cells["method"] == "el2n"].assign(method="grand", name="grand")
    twin["roc_auc"] += np.resize([0.001, -0.0015], len(twin))
    found = board(pd.concat([cells, twin]))
    assert headline(found)[1] == "Not distinguishable from it: grand."
    assert list(found.methods["verdict"][:3]) == ["best", "tied with the best", "worse"]
    assert ">tied</span>" in page(found)


def test_one_seed_claims_nothing() -> None:
    found = board(frame(seeds=1, datasets=[f"data-{i}" for i in range(12)]))
    assert not found.claims
    assert set(found.methods["verdict"]) == {""}
    assert found.methods[["low", "high"]].isna().all(axis=None)
    assert "no interval, and no claim" in headline(found)[1]
    assert 'class="mark' not in page(found)


def test_too_few_pairs_claim_nothing_and_say_how_many_seeds_would() -> None:
    found = board(frame(datasets=["digits"], seeds=3))
    assert set(found.methods["verdict"]) == {""}
    assert headline(found)[1] == (
        "No claim that one method beats another: 3 pairs of problem and seed are too few to tell 5 methods apart; "
        "9 seeds could."
    )


def test_failed_cells_are_shown_and_count_as_the_worst() -> None:
    cells = frame()
    lost = (cells["method"] == "el2n") & (cells["dataset"] == "digits")
    found = board(failing(cells, lost, "out of memory", "MemoryError: no room\nmore lines"))
    text = page(found)
    row = found.methods.set_index("method").loc["el2n"]
    assert (row["finished"], row["pairs"]) == (9, 12)
    assert found.auc.loc["el2n", "digits · symmetric 20 % · mlp"] <= 0.5
    assert "9/12" in text
    assert "MemoryError: no room" in text
    assert "more lines" not in text
    assert list(found.failures["seeds"]) == ["0, 1, 2"]


def test_notes_are_shown_once_for_all_seeds_that_share_them() -> None:
    cells = frame()
    cells.loc[cells["method"] == "tracin", "notes"] = "relative residual 0.4 after 500 steps"
    assert page(board(cells)).count("relative residual 0.4") == len(DATASETS)


def test_epochs_are_averaged_as_ratios_and_memory_is_the_highest_peak() -> None:
    cells = frame(["loss"], ["digits"], 2).assign(epochs=[1.0, 4.0], peak_bytes=[5e6, 7e6])
    assert board(cells).methods.loc[0, ["epochs", "peak_mb"]].tolist() == pytest.approx([2.0, 7.0])


@pytest.mark.parametrize(
    "cells",
    [
        frame(["el2n"], ["digits"], 1),
        failing(frame(["el2n"], ["digits"], 2), slice(None), "timeout", "after 60 s"),
        failing(frame(), slice(None), "timeout", "after 60 s").drop(columns=["roc_auc", "seconds", "epochs"]),
    ],
    ids=["one cell", "all of one method failed", "all failed"],
)
def test_the_smallest_and_saddest_runs_have_a_page(cells: pd.DataFrame, tmp_path: Path) -> None:
    assert write_report(cells, [INFO], tmp_path).stat().st_size > 5000


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (pd.DataFrame(), "nothing to report"),
        (frame().drop(columns="seed"), "lacks seed"),
        (pd.concat([frame(), frame()]), "is there twice"),
    ],
)
def test_a_frame_that_cannot_be_reported_says_why_in_one_line(
    cells: pd.DataFrame, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ib.InputError, match=message) as caught:
        write_report(cells, [INFO], tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_labels_in_the_cost_plot_do_not_overlap() -> None:
    cells = frame()
    twins = cells.assign(method=cells["method"] + "-twin")
    figure = cost(board(pd.concat([cells, twins])), PAGE)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 10
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


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
    assert change["epochs_ratio"].tolist() == pytest.approx([0.5, 0.5])
    assert change["memory_ratio"].tolist() == pytest.approx([3.0, 3.0])
    assert change["cells"].tolist() == [11, 10]
    assert change["status_changes"].tolist() == ["", "ok → timeout: 2"]


def test_comparing_runs_without_a_common_cell_is_refused() -> None:
    with pytest.raises(ib.InputError, match="share no cell"):
        compare(frame(["loss"]), frame(["tracin"]))
