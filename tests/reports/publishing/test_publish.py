"""What is published of a run: its archive and the files that follow."""

from dataclasses import replace

import pytest
from stored_runs import stored_run

import influence_bench as ib
from influence_bench.reports.publishing.publish import publish


def names(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_a_run_is_published_with_its_cells_its_tables_and_their_picture(published):
    assert names(published / "quick") == {
        "run.parquet", "run.json", "leaderboard.csv", "leaderboard.md", "plots/cost-wide.svg",
        "trims.json", "trimming.csv", "trimming.md",
    }  # fmt: skip


def test_several_runs_lie_next_to_the_page_of_their_claims(published):
    inside = {"run.parquet", "run.json", "leaderboard.csv", "leaderboard.md", "plots/cost-wide.svg"}
    runs = {f"{run}/{name}" for run in ("trees", "text") for name in inside}
    assert {name for name in names(published / "paper") if not name.startswith("plots/")} == runs | {"claims.md"}
    text = (published / "paper" / "claims.md").read_text()
    assert text.index("**paper-trees**") < text.index("**paper-text**")


def test_nothing_published_names_a_folder_of_the_machine(published):
    assert not [file for file in published.rglob("*.*") if b"/home/someone" in file.read_bytes()]


def test_what_is_published_again_has_the_same_bytes(published, tmp_path):
    publish([ib.open_run(published / "quick")], tmp_path / "again")
    assert names(tmp_path / "again") == names(published / "quick")
    for name in names(tmp_path / "again"):
        assert (tmp_path / "again" / name).read_bytes() == (published / "quick" / name).read_bytes(), name


def test_an_unfinished_run_is_not_published(tmp_path):
    run = stored_run(tmp_path / "run")
    for file in list((run.folder / "cells").glob("*/loss.json"))[:2]:
        file.unlink()
    said = r"cannot be published: the cell loss on .*-seed\d is not there \(and 1 more\)"
    with pytest.raises(ib.InputError, match=said):
        publish([run], tmp_path / "published")
    assert not (tmp_path / "published").exists()


def test_a_run_is_not_published_into_the_folder_of_a_run(tmp_path):
    run = stored_run(tmp_path / "run")
    with pytest.raises(ib.InputError, match="is the folder of a run: choose another"):
        publish([run], run.folder)


def test_two_runs_of_one_suite_do_not_share_a_folder(tmp_path):
    runs = [stored_run(tmp_path / name) for name in ("a", "b")]
    runs[1].write_info(replace(runs[1].info, salt="1"))
    with pytest.raises(ib.InputError, match="two of these runs are of the same suite: quick, quick"):
        publish(runs, tmp_path / "published")
