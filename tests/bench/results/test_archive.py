"""A run packs into one file and comes out as it was; a file that was changed or damaged is one clear line."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from stored_runs import PROBLEMS, WRONG, stored_run

import influence_bench as ib
from influence_bench.bench.results.archive import FORM, pack, unpack
from influence_bench.bench.results.entries import FOLDERS, entries_of
from influence_bench.bench.results.run import Run

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture
def run(tmp_path):
    return stored_run(tmp_path / "run", trimmed=True, views=True)


@pytest.fixture
def archive(run, tmp_path):
    pack(run, tmp_path / "run.parquet")
    return tmp_path / "run.parquet"


def complaint(file, tmp_path):
    """The one line that unpacking a file ends with."""
    with pytest.raises(ib.InputError) as caught:
        unpack(file, tmp_path / "unpacked")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def files(folder, without=()):
    contents = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in contents.items() if name.suffix not in without}


def test_an_unpacked_run_has_the_same_records_and_arrays(run, archive, tmp_path):
    out = unpack(archive, tmp_path / "unpacked")
    assert out.info.suite == run.info.suite
    assert out.trims.keys() == {"influence-bench trim quick"}
    assert out.arms() == run.arms() != []
    for before, after in zip(run.problems(), out.problems(), strict=True):
        assert after == replace(before, folder="0123abcd")
    for slug in (problem.spec.slug for problem in run.problems()):
        for name, array in (run.truths(slug) | run.view(slug)).items():
            again = (out.truths(slug) | out.view(slug))[name]
            assert (again.dtype, again.tolist()) == (array.dtype, array.tolist())
    for before, after in zip(run.cells(), out.cells(), strict=True):
        assert replace(after, error="", traceback="") == replace(before, error="", traceback="")
        assert before.status == "error" or run.scores(before).tobytes() == out.scores(after).tobytes()
    assert run.frame().drop(columns="error").equals(out.frame().drop(columns="error"))
    assert run.trimmed().equals(out.trimmed())


def test_an_unpacked_run_packs_to_the_same_bytes(archive, tmp_path):
    pack(unpack(archive, tmp_path / "unpacked"), tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == archive.read_bytes()


@settings(deadline=None, max_examples=30)
@given(scores=arrays(np.float64, array_shapes(min_dims=1, max_dims=2, max_side=9), elements=NUMBERS), text=st.text())
def test_any_scores_and_any_text_come_out_as_they_were(tmp_path_factory, scores, text):
    folder = tmp_path_factory.mktemp("any")
    run = stored_run(folder / "run", seeds=1)
    run.write_cell(replace(run.cells()[-1], notes=text, hyperparameters={"a": text}), scores)
    pack(run, folder / "run.parquet")
    out = unpack(folder / "run.parquet", folder / "out")
    before, after = run.cells()[-1], out.cells()[-1]
    assert out.scores(after).tobytes() == scores.tobytes()
    assert out.scores(after).shape == scores.shape
    assert after == replace(before, notes=FOLDERS.sub("", before.notes))


def test_no_folder_of_the_machine_travels(archive, tmp_path):
    unpacked = unpack(archive, tmp_path / "unpacked")
    assert not [name for name, content in files(unpacked.folder).items() if b"/home/someone" in content]
    assert unpacked.info.provenance.command == "influence-bench run quick --out quick"
    (failed,) = (cell for cell in unpacked.cells() if cell.status == "error")
    assert (failed.error, failed.traceback) == ("ValueError: x is odd", 'File "mine.py", line 3')


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("run quick --out=/tmp/a/b --plugin /root/mine.py", "run quick --out=b --plugin mine.py"),
        ("trim runs/paper ../there", "trim runs/paper ../there"),
        ("see https://example.org/a/b, 1/2 or a / b", "see https://example.org/a/b, 1/2 or a / b"),
    ],
)
def test_only_folders_of_absolute_paths_are_left_out(text, left):
    assert FOLDERS.sub("", text) == left


def test_a_person_reads_the_archive_with_pandas(archive):
    table = pd.read_parquet(archive)
    cells = table[table["kind"] == "cell"]
    assert set(cells["row"]) == {"loss", "el2n", "random"}
    assert {len(values) for values in cells["values"]} == {40, 0}
    truths = table[(table["kind"] == "truth") & (table["name"] == "truth")]
    assert {values.sum() for values in truths["values"]} == {WRONG}


def edited(table, kind, **columns):
    """The table with other content in the first row of a kind."""
    table = table.copy()
    row = table.index[table["kind"] == kind][0]
    for column, change in columns.items():
        table.at[row, column] = change(table.at[row, column])
    return table


@pytest.mark.parametrize(
    ("kind", "columns", "said"),
    [
        ("cell", {"values": lambda values: np.r_[values[:-1], 9.0]}, "cell el2n of blobs-symmetric-0.2-logistic-seed0"),
        ("truth", {"values": lambda values: 1 - values}, "truth truth of blobs-symmetric-0.2-logistic-seed0 changed"),
        ("view", {"values": lambda values: values + 1}, "view x of blobs"),
        ("cell", {"record": lambda text: text.replace('"epochs": ', '"epochs": 1')}, "cell el2n of blobs"),
        ("training", {"record": lambda text: text.replace('"k": ', '"k": 1')}, "training "),
        ("run", {"record": lambda text: text.replace('"seeds": 2', '"seeds": 3')}, "run changed"),
        ("problem", {"seed": lambda seed: seed + 7}, "problem of blobs"),
    ],
    ids=["score", "truth", "view", "cost", "training", "suite", "seed"],
)
def test_a_row_that_was_changed_by_hand_is_named(archive, tmp_path, kind, columns, said):
    table = pd.read_parquet(archive)
    changed = edited(table, kind, **columns)
    assert not changed.equals(table)
    changed.to_parquet(archive, index=False, **FORM)
    assert said in complaint(archive, tmp_path)


def packed_anew(entries, file, monkeypatch):
    """Pack rows as they are, with digests that fit."""
    monkeypatch.setattr("influence_bench.bench.results.archive.entries_of", lambda run: entries)
    pack(Run(Path()), file)


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (lambda rows: [*rows, rows[-1]], "stands there twice"),
        (lambda rows: [row for row in rows if row.kind != "run"], "run.json"),
        (lambda rows: [row for row in rows if row.kind != "truth"], "has no truth"),
        (lambda rows: [row for row in rows if row.kind != "problem"], "on a problem that is not there"),
        (lambda rows: [row._replace(seed=row.seed and row.seed + 5) for row in rows], "at the place of another row"),
        (lambda rows: [row._replace(row=row.row and "best") for row in rows], "at the place of another row"),
        (lambda rows: [row._replace(array=row.array[::-1]) for row in rows], "has other scores than its record names"),
        (lambda rows: [row._replace(record=row.record and "{}") for row in rows], "run lacks the field suite"),
        (lambda rows: [*rows, rows[-1]._replace(kind="more")], "more"),
    ],
)
def test_an_archive_that_was_forged_with_its_digests_is_refused(run, tmp_path, monkeypatch, forge, said):
    packed_anew(forge(list(entries_of(run))), tmp_path / "run.parquet", monkeypatch)
    assert said in complaint(tmp_path / "run.parquet", tmp_path)


@pytest.mark.parametrize("damage", ["empty", "short", "text", "another table", "gone"])
def test_a_file_that_is_no_archive_is_one_line(archive, tmp_path, damage):
    match damage:
        case "empty":
            archive.write_bytes(b"")
        case "short":
            archive.write_bytes(archive.read_bytes()[:-100])
        case "text":
            archive.write_text("<html>log in first</html>")
        case "another table":
            pd.DataFrame({"a": [1]}).to_parquet(archive)
        case "gone":
            archive.unlink()
    assert "run.parquet cannot be read as the archive of a run (" in complaint(archive, tmp_path)


def test_a_flipped_byte_anywhere_is_noticed_or_harmless(archive, tmp_path):
    whole, rng = archive.read_bytes(), np.random.default_rng(0)
    before = list(entries_of(unpack(archive, tmp_path / "whole")))
    for number, place in enumerate(rng.integers(4, len(whole) - 8, 40)):
        archive.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << rng.integers(8)]) + whole[place + 1 :])
        with suppress(ib.InputError):
            out = unpack(archive, tmp_path / str(number))
            assert [row.digest for row in entries_of(out)] == [row.digest for row in before]


def test_a_run_is_not_unpacked_into_a_folder_that_holds_something(archive, tmp_path):
    with pytest.raises(ib.InputError, match="is not empty: choose another folder"):
        unpack(archive, tmp_path)


def test_an_array_that_float64_does_not_hold_is_refused(tmp_path):
    run = stored_run(tmp_path / "run", seeds=1)
    (problem, *_) = run.problems()
    run.write_problem(problem, {"truth": np.arange(40) < 8, "odd": np.array([2**53 + 1])})
    with pytest.raises(ib.InputError, match=r"truth odd of .* cannot be archived: float64 does not hold its numbers"):
        pack(run, tmp_path / "run.parquet")


def test_a_published_run_opens_like_any_other(run, tmp_path):
    pack(run, tmp_path / "published" / "run.parquet")
    opened = ib.open_run(tmp_path / "published")
    assert opened.frame().equals(unpack(tmp_path / "published" / "run.parquet", tmp_path / "out").frame())
    assert opened.info.suite.problems == PROBLEMS
