"""What is published is made again from its cells, and whatever was changed by hand is named."""

import re
from dataclasses import replace

import numpy as np
import pytest

import influence_bench as ib
from influence_bench.bench.results.specs import Arm
from influence_bench.reports.publishing.publish import files
from influence_bench.reports.publishing.verify import unarchived, verify


def differences(folder):
    return [line.removeprefix(f"{folder}/") for line in verify(folder).differences]


def changed(file, old, new):
    """Replace the first match of a pattern in a file."""
    text = file.read_text()
    assert re.search(old, text), file
    file.write_text(re.sub(old, new, text, count=1))


def test_what_was_published_follows_from_its_cells(published):
    checked = verify(published)
    assert checked.differences == checked.skipped == []
    every = {file for file in published.rglob("*") if file.is_file() and file.name != "run.parquet"}
    assert set(checked.files) == every
    assert checked.summary.startswith(f"3 runs, 36 cells, {len(every)} files: every table and verdict follows")
    assert "Costs and accuracies are as recorded" in checked.summary


CHANGES = (
    ("leaderboard.csv", r"(?m)^(\d,el2n,.*?)0\.", r"\g<1>0.0", r"row el2n, column \w+: published 0\.0\d*, anew 0\.\d+"),
    ("leaderboard.md", r"(\| el2n .*?)0\.", r"\g<1>0.0", r"line \d+, row \d \| el2n: published '0\.0.*', anew '0\."),
    ("leaderboard.md", r"\n\n## ", r" Matplotlib v1.\n\n## ", r"line \d+: published '.* Matplotlib v1\.', anew '"),
    ("trimming.csv", r"(loss,.*0\.)", r"\g<1>0", r"row \S+ · .* · 5% · loss, column \w+: published"),
    ("trimming.md", r"(\| loss .*?\d\d\.)", r"\g<1>0", r"line \d+, row loss \| .*: published"),
    ("run.json", r'"seeds": 2', r'"seeds": 5', r"field suite\.seeds: published 5, anew 2"),
    ("run.json", r'"c0ffee"', r'"c0ffee1"', r"field provenance\.commit: published 'c0ffee1', anew 'c0ffee'"),
    ("trims.json", r'"cores": 2', r'"cores": 64', r"field commands\.influence-bench trim quick\.machine\.cores: "),
    ("plots/cost-wide.svg", r">loss<", r">lost<", r"published another picture than the cells give"),
)


def test_every_figure_that_was_changed_by_hand_is_named(published):
    folder = published / "quick"
    for file, old, new, _ in CHANGES:
        changed(folder / file, old, new)
    lines = differences(folder)
    for file, _, _, said in CHANGES:
        assert any(re.match(rf"{re.escape(file)}: {said}", line) for line in lines), (said, lines)
    assert len(lines) == len(CHANGES)


@pytest.mark.parametrize("folder", ["quick", "paper"])
def test_files_that_no_cell_gives_are_named(published, folder):
    others = ["better.md", "cells.csv", "index.html", "plots/better.svg"]
    for file in others:
        (published / folder / file).parent.mkdir(exist_ok=True)
        (published / folder / file).write_text("Ours is best.")
    assert differences(published / folder) == [f"{file}: no cell gives this file" for file in others]


def test_files_that_were_taken_away_are_named(published):
    gone = [
        "paper/claims.md",
        "quick/leaderboard.md",
        "quick/plots/cost-wide.svg",
        "quick/run.json",
        "quick/trims.json",
    ]
    for file in gone:
        (published / file).unlink()
    assert sorted(differences(published)) == [f"{file}: the cells give this file, but it is not there" for file in gone]


def test_a_verdict_that_was_changed_on_the_page_of_claims_is_named(published):
    changed(published / "paper" / "claims.md", r"\| not tested \|", r"| stands |")
    (line,) = differences(published / "paper")
    assert re.match(r"claims\.md: line \d+, row 1 \| .*: published 'stands', anew 'not tested'", line)


def test_a_page_of_claims_without_a_run_that_was_published_with_it_is_named(published):
    changed(published / "paper" / "claims.md", r"(?s)\n\n\*\*paper-text\*\*.*", r"\n")
    lines = differences(published / "paper")
    assert lines
    assert all(line.startswith("claims.md: line ") for line in lines)


def more_suspect(run):
    """One wrong label becomes the most suspect row of el2n."""
    cell = next(cell for cell in run.cells() if cell.method == "el2n" and cell.scores)
    scores, truth = run.scores(cell).copy(), run.truth(cell.problem)
    scores[np.flatnonzero(truth)[scores[truth].argmin()]] = 100.0
    run.write_cell(replace(cell, scores=None), scores)


def other_truth(run):
    """Another row is noisy in place of one that is."""
    problem = run.problems()[0]
    truth = run.truth(problem.spec.slug).copy()
    truth[[truth.argmax(), truth.argmin()]] = [False, True]
    run.write_problem(problem, {"truth": truth, "symmetric": truth})


def other_accuracy(run):
    record = next(record for record in run.arms() if record.removal == "loss")
    arm = Arm(run.problem(record.problem).spec, record.removal, record.budget, record.seed)
    run.write_arm(arm, replace(record, accuracy=0.99))


@pytest.mark.parametrize(
    ("change", "file", "row"),
    [
        (more_suspect, "leaderboard.csv", "row el2n, column roc_auc: "),
        (other_truth, "leaderboard.csv", "row loss, column roc_auc: "),
        (other_accuracy, "trimming.csv", "row "),
    ],
)
def test_tables_do_not_follow_from_cells_that_were_changed_with_their_digests(published, forge, change, file, row):
    forge(published / "quick", change)
    assert any(line.startswith(f"{file}: {row}") for line in differences(published / "quick"))


def test_a_row_that_was_left_out_of_the_cells_and_of_every_table_is_named(published, forge):
    def without_loss(run):
        for file in run.folder.glob("cells/*/loss.*"):
            file.unlink()
        for name, content in files(run).items():
            (published / "paper" / "trees" / name).write_bytes(content)

    forge(published / "paper" / "trees", without_loss)
    assert differences(published / "paper" / "trees") == ["run.parquet: the row loss of the suite is not there"]


def test_a_picture_of_another_version_of_matplotlib_is_not_compared(published):
    changed(published / "quick" / "plots" / "cost-wide.svg", r"Matplotlib v[\d.]+", "Matplotlib v1.0")
    checked = verify(published / "quick")
    assert checked.differences == []
    assert checked.skipped == [published / "quick" / "plots" / "cost-wide.svg"]


@pytest.mark.parametrize("file", ["quick/leaderboard.md", "quick/trimming.csv", "paper/claims.md"])
def test_a_table_or_a_verdict_without_its_cells_is_refused(published, file):
    for archive in published.rglob("run.parquet"):
        archive.unlink()
    assert published / file in unarchived(published)
    with pytest.raises(ib.InputError, match=r"stands without the cells that it follows from, run\.parquet"):
        verify((published / file).parent)


def test_a_damaged_archive_is_one_line(published):
    file = published / "quick" / "run.parquet"
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(ib.InputError, match=r"quick/run\.parquet cannot be read as the archive of a run") as caught:
        verify(published / "quick")
    assert "\n" not in str(caught.value)


def test_a_folder_in_which_nothing_is_published_says_how_to_publish(tmp_path):
    with pytest.raises(ib.InputError, match=r"holds no run\.parquet: influence-bench publish RUN --out"):
        verify(tmp_path)
