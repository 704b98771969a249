"""The report: what a reader sees, whatever the run holds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import influence_bench as ib
from influence_bench.bench.results.run import Run
from influence_bench.reports.compare import compare
from influence_bench.reports.drawing import PAGE
from influence_bench.reports.leaderboard.board import Board, board
from influence_bench.reports.leaderboard.headline import headline
from influence_bench.reports.leaderboard.plots import cost
from influence_bench.reports.page import index, write_report
from influence_bench.reports.style import FAMILIES as FAMILY_COLOURS
from influence_bench.reports.trimming.curves import by_budget
from influence_bench.reports.trimming.gains import trimming

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


@dataclass(frozen=True)
class Told(Run):
    """A run that is told its cells and retrained models, in place of a folder of them."""

    folder: Path = Path("nowhere")
    cells: pd.DataFrame = field(default_factory=pd.DataFrame)
    retrained: pd.DataFrame = field(default_factory=pd.DataFrame)
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def info(self) -> dict[str, Any]:
        return INFO | self.about

    def frame(self) -> pd.DataFrame:
        return self.cells

    def trimmed(self) -> pd.DataFrame:
        return self.retrained

    def records(self) -> list[dict[str, Any]]:
        return [{"method": method, "family": family} for method, family in FAMILIES.items()]


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
    return index(board, [Told()], None, "A title")


def test_a_report_is_a_page_tables_and_plots(tmp_path: Path) -> None:
    index = write_report([Told(cells=frame())], tmp_path / "report")
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
        write_report([Told(cells=cells)], tmp_path / name)
    files = [file.relative_to(tmp_path / "a") for file in (tmp_path / "a").rglob("*.*")]
    assert len(files) == 14
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_what_comes_from_the_frame_is_escaped(tmp_path: Path) -> None:
    hostile = "<script>alert('$x_$')</script>|*&"
    cells = frame([*METHODS, hostile]).assign(family=hostile, uses=hostile, notes=hostile)
    index = write_report([Told(cells=failing(cells, 0, "error", hostile), about={"command": hostile})], tmp_path)
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
    assert write_report([Told(cells=cells)], tmp_path).stat().st_size > 5000


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
        write_report([Told(cells=cells)], tmp_path)
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


def retrained(budgets: Sequence[str] = ("5%", "true"), trainings: int = 3) -> pd.DataFrame:
    """Trainings without suspects, of which `loss` is worth half a point and `el2n` nothing."""
    rng = np.random.default_rng(0)
    worth = {"none": 0.0, "none, unshuffled": 0.0, "random": 0.0, "oracle": 0.01, "loss": 0.005, "el2n": 0.0}
    rows = []
    for removal, budget, seed in product(worth, budgets, range(trainings)):
        k = 0 if removal.startswith("none") else 200 if budget == "true" else 50
        accuracy = 0.9 + worth[removal] + rng.normal(0, 1e-5)
        row = {"problem": "digits · mlp", "problem_seed": 0, "n_train": 1000, "removal": removal, "seed": seed, "k": k}
        row |= {"budget": budget if k else "", "wrong_labels": k // 2, "accuracy": accuracy}
        rows.append(row | {"accuracy_by_epoch": [0.2, 0.8, 0.89, accuracy]})
    return pd.DataFrame(rows).drop_duplicates(["removal", "budget", "seed"])


def test_retrained_models_have_a_section_files_and_a_sentence_that_says_what_chance_explains(tmp_path: Path) -> None:
    written = write_report([Told(cells=frame(), retrained=retrained())], tmp_path)
    text = written.read_text()
    assert "loss gains most: +0.50 points of test accuracy" in text
    assert "removing wrong labels first, which no method could know: +1.00" in text
    assert re.search(r"Of 4 trimmings by a method, [23] are better .* chance alone would give about 0\.1 each", text)
    assert text.count("<summary>digits · mlp, without") == 2
    assert "By budget: digits" in text
    assert "By epoch: digits · mlp, without as many rows as are wrong" in text
    assert "| loss " in (tmp_path / "trimming.md").read_text()
    assert set(pd.read_csv(tmp_path / "trimming.csv")["share"]) == {0.05, 0.2}
    assert (tmp_path / "plots" / "trimming.svg").stat().st_size > 1000


def test_a_single_budget_is_no_curve_and_a_single_training_no_claim(tmp_path: Path) -> None:
    text = write_report([Told(cells=frame(), retrained=retrained(["5%"], 1))], tmp_path).read_text()
    assert "By budget" not in text
    assert "tells nothing of the spread: no interval, and no claim." in text


def test_a_line_of_retrained_models_is_drawn_over_the_others_in_grey() -> None:
    found = trimming([Told(retrained=retrained())])
    assert found is not None
    figure = by_budget(found, "digits · mlp", PAGE)
    panel = next(axes for axes in figure.axes if axes.get_title(loc="left") == "loss")
    assert [label.get_text() for label in panel.get_xticklabels()] == ["5", "true\n(20)"]
    assert np.allclose(panel.lines[5].get_ydata(), 0.5, atol=0.05)
    assert panel.lines[5].get_color() == FAMILY_COLOURS["label quality"][0]


def test_runs_that_retrained_the_same_models_count_them_once() -> None:
    once, twice = (trimming([Told(retrained=retrained())] * times) for times in (1, 2))
    assert once is not None
    assert twice is not None
    pd.testing.assert_frame_equal(once.table, twice.table)


def test_a_board_of_influential_data_does_not_speak_of_wrong_labels() -> None:
    cells = frame(["pairwise-dot", "pairwise-random"])
    text = page(board(cells))
    assert "pairwise-dot finds influential data best here" in text
    assert "rong label" not in text
    assert "Wrong labels" in page(board(frame()))
