"""The report of a run: what a reader sees, whatever the run holds."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_runs import DATASETS, METHODS, MadeUpRun, failing, frame, info, retrained, with_short_epochs

import influence_bench as ib
from influence_bench.reports.leaderboard.board import Board, board_of
from influence_bench.reports.page import index, write_report


def page(board: Board) -> str:
    return index(board, [MadeUpRun()], None, "A title")


def test_a_report_is_a_page_tables_and_plots(tmp_path: Path) -> None:
    index = write_report([MadeUpRun(table=frame())], tmp_path / "report")
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
    text = page(board_of(frame()))
    references = re.findall(r"""(?:src|srcset|href)\s*=\s*["']?([^"'\s>]+)|url\(([^)]*)\)|@import\s+(\S+)""", text)
    assert len(references) > 4
    for reference in map("".join, references):
        assert reference.startswith("data:") or "/" not in reference.removesuffix("/"), reference[:80]


def test_the_same_cells_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    for name, cells in (("a", frame()), ("b", frame().sample(frac=1, random_state=1))):
        write_report([MadeUpRun(table=cells)], tmp_path / name)
    files = [file.relative_to(tmp_path / "a") for file in (tmp_path / "a").rglob("*.*")]
    assert len(files) == 14
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_what_comes_from_the_frame_is_escaped(tmp_path: Path) -> None:
    hostile = "<script>alert('$x_$')</script>|*&"
    cells = frame([*METHODS, hostile]).assign(family=hostile, uses=hostile, notes=hostile)
    index = write_report([MadeUpRun(table=failing(cells, 0, "error", hostile), record=info(command=hostile))], tmp_path)
    assert "<script>alert" not in index.read_text()
    assert "<script>alert" not in (tmp_path / "leaderboard.md").read_text()
    assert "&lt;script&gt;alert" in index.read_text()


def test_failed_cells_are_shown_with_the_first_line_of_their_error() -> None:
    cells = frame()
    lost = (cells["method"] == "el2n") & (cells["dataset"] == "digits")
    text = page(board_of(failing(cells, lost, "out of memory", "MemoryError: no room\nmore lines")))
    assert "9/12" in text
    assert "MemoryError: no room" in text
    assert "more lines" not in text


def test_certainty_is_marked_only_where_it_can_be_claimed() -> None:
    cells = frame()
    twin = cells[cells["method"] == "el2n"].assign(method="grand", name="grand")
    twin["roc_auc"] += np.resize([0.001, -0.0015], len(twin))
    text = page(board_of(pd.concat([cells, twin])))
    assert '<tr class="open">' in text
    assert '<td class="word">not shown to be worse</td>' in text
    silent = page(board_of(frame(seeds=1)))
    assert 'class="mark' not in silent
    assert "[0." not in silent


def test_a_table_shows_how_far_a_row_is_behind_and_its_ranks(tmp_path: Path) -> None:
    board = board_of(frame())
    text, row = page(board), board.methods.iloc[1]
    behind = f"{row['difference']:+.3f} [{row['difference_low']:+.3f}, {row['difference_high']:+.3f}]"
    assert f">{behind}</td>" in text
    write_report([MadeUpRun(table=frame())], tmp_path)
    assert f"| {behind} | 2      | worse" in (tmp_path / "leaderboard.md").read_text()


def test_notes_are_shown_once_for_all_seeds_that_share_them() -> None:
    cells = frame()
    cells.loc[cells["method"] == "tracin", "notes"] = "relative residual 0.4 after 500 steps"
    assert page(board_of(cells)).count("relative residual 0.4") == len(DATASETS)


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
    assert write_report([MadeUpRun(table=cells)], tmp_path).stat().st_size > 5000


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (pd.DataFrame(), "nothing to report"),
        (frame().drop(columns="seed"), "lacks seed"),
        (pd.concat([frame(), frame()]), "two of these runs hold el2n on digits"),
    ],
)
def test_a_frame_that_cannot_be_reported_says_why_in_one_line(
    cells: pd.DataFrame, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ib.InputError, match=message) as caught:
        write_report([MadeUpRun(table=cells)], tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_retrained_models_have_a_section_files_and_a_sentence_that_says_what_is_shown(tmp_path: Path) -> None:
    written = write_report([MadeUpRun(table=frame(), trainings=retrained())], tmp_path)
    text = written.read_text()
    assert "loss has the highest mean gain over the random removal of as many rows: +0.50 [" in text
    assert "removing wrong labels first, which no method could know: +1.00" in text
    assert "Of 4 trimmings by a method, 2 are shown to be better than random removal and none to be worse" in text
    assert text.count("<summary>digits · mlp, without") == 2
    assert "By budget: digits" in text
    assert "By epoch: digits · mlp, without as many rows as are wrong" in text
    assert "| loss " in (tmp_path / "trimming.md").read_text()
    assert set(pd.read_csv(tmp_path / "trimming.csv")["share"]) == {0.05, 0.2}
    assert (tmp_path / "plots" / "trimming.svg").stat().st_size > 1000


def test_a_single_budget_is_no_curve_and_a_single_training_no_claim(tmp_path: Path) -> None:
    text = write_report([MadeUpRun(table=frame(), trainings=retrained(["5%"], 1))], tmp_path).read_text()
    assert "By budget" not in text
    assert "does not show the spread: no interval, and no claim." in text


def test_a_board_of_influential_data_does_not_speak_of_wrong_labels() -> None:
    cells = frame(["pairwise-dot", "pairwise-random"]).assign(pairwise=True)
    text = page(board_of(cells))
    assert "pairwise-dot finds influential data best here" in text
    assert "rong label" not in text
    assert "Wrong labels" in page(board_of(frame()))


def test_where_epochs_are_short_no_price_is_in_epochs(tmp_path: Path) -> None:
    for datasets, shown in ((DATASETS, {"Time per"}), (DATASETS[:2], {"Epochs", "Time per"}), ([], {"Epochs"})):
        cells = with_short_epochs(frame(), *datasets)
        text = write_report([MadeUpRun(table=cells)], tmp_path).read_text()
        headings = set(re.findall(r'<th class="n">(Epochs|Time per)', text))
        assert headings == shown
        assert ("training epochs" in text.partition("</header>")[0]) == ("Epochs" in shown)
        board = (tmp_path / "leaderboard.md").read_text()
        assert ("| time per 1,000 rows, ms" in board) == ("Time per" in shown)
        assert ("| epochs" in board) == ("Epochs" in shown)


def test_marks_of_costs_are_explained_where_they_occur(tmp_path: Path) -> None:
    write_report([MadeUpRun(table=frame())], tmp_path)
    assert not re.search("[≥≈]", (tmp_path / "index.html").read_text() + (tmp_path / "leaderboard.md").read_text())
    cells = frame().assign(epoch_drift=0.5)
    write_report([MadeUpRun(table=failing(cells, 0, "timeout", "after 60 s"))], tmp_path)
    for name in ("index.html", "leaderboard.md"):
        text = (tmp_path / name).read_text()
        assert "≥ ≈ " in text
        assert re.search("≥(</b>)?: cells of the row failed", text)
        assert re.search("≈(</b>)?: the epochs timed before and after", text)


def test_the_page_names_its_sources_run_by_run() -> None:
    text = page(board_of(frame()))
    assert "<code>influence-bench run quick</code>" in text
    assert "<td>2026-11-23T20:00:00</td>" in text
