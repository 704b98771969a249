"""A run is published, verified, run again in part, opened by other commands and unpacked from the command line."""

import re
from dataclasses import replace

import pytest
from stored_runs import stored_run

from influence_bench.bench.results.archive import pack, unpack


@pytest.fixture
def published(command, tmp_path):
    """The folder of a published run with retrained models."""
    stored_run(tmp_path / "run", trimmed=True)
    status, out, err = command("publish", tmp_path / "run", "--out", tmp_path / "published")
    assert status == 0, err
    assert out == f"Published: {tmp_path / 'published'}\n"
    return tmp_path / "published"


def forge(folder, change):
    """Change a published run and pack it again, with digests that fit."""
    run = unpack(folder / "run.parquet", folder.parent / "forged")
    change(run)
    pack(run, folder / "run.parquet")


def test_what_is_published_is_verified_in_one_line(command, published):
    status, out, err = command("verify", published, columns=1000)
    assert (status, err, out.count("\n")) == (0, "", 1)
    assert out.startswith(
        f"{published}: 1 run, 12 cells, 7 files: every table and verdict follows from the cells. Costs"
    )


def test_each_difference_is_a_line_and_the_exit_status_1(command, published):
    table = published / "leaderboard.csv"
    table.write_text(table.read_text().replace("loss", "lost"))

    def wrong(run):
        cell = next(cell for cell in run.cells() if cell.method == "loss")
        run.write_cell(replace(cell, scores=None), -run.scores(cell))

    forge(published, wrong)
    status, out, _ = command("verify", published)
    lines = out.splitlines()
    assert status == 1
    assert f"{table}: row lost: published 1 times, anew 0 times" in lines
    assert any(line.startswith(f"{published / 'run.parquet'}: the training loss of 5% on ") for line in lines)
    assert re.fullmatch(rf"{published}: {len(lines) - 1} differences in 1 run, 12 cells, 7 files", lines[-1])


@pytest.mark.parametrize("damage", ["short", "gone"])
def test_an_archive_that_is_damaged_or_gone_is_one_line_and_the_exit_status_2(command, published, damage):
    file = published / "run.parquet"
    file.write_bytes(file.read_bytes()[:-9]) if damage == "short" else file.unlink()
    status, out, err = command("verify", published)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "run.parquet" in err


def test_a_run_whose_trainings_do_not_follow_from_its_scores_is_not_published(command, tmp_path):
    run = stored_run(tmp_path / "run", trimmed=True)
    cell = next(cell for cell in run.cells() if cell.method == "loss")
    run.write_cell(replace(cell, scores=None), -run.scores(cell))
    status, _, err = command("publish", run.folder, "--out", tmp_path / "published")
    assert status == 2
    assert "cannot be published: the training loss of 5% on " in err
    assert not (tmp_path / "published").exists()


def test_a_published_run_is_reported_and_compared_like_any_other(command, published, tmp_path):
    assert command("report", published, "--out", tmp_path / "report")[0] == 0
    for name in ("leaderboard.csv", "leaderboard.md", "trimming.csv", "trimming.md"):
        assert (tmp_path / "report" / name).read_bytes() == (published / name).read_bytes()
    status, out, _ = command("compare", published, tmp_path / "run")
    assert status == 0
    assert "el2n" in out


def test_a_published_run_does_not_change_but_an_unpacked_one_does(command, published, tmp_path):
    status, _, err = command("trim", published)
    assert status == 2
    assert "a published run does not change: influence-bench unpack makes a run of it" in err
    status, _, err = command("run", "quick", "--out", published)
    assert status == 2
    assert "holds a published run, which does not change" in err
    status, out, _ = command("unpack", published, "--out", tmp_path / "mine")
    assert (status, out) == (0, f"Run: {tmp_path / 'mine'}\n")
    status, _, err = command("unpack", published, "--out", tmp_path / "mine")
    assert status == 2
    assert "is not empty: choose another folder" in err


def test_a_sealed_run_is_run_again_with_its_plug_in_alone(command, plugin, tmp_path):
    chosen = ("--datasets", "blobs", "--methods", "my-method", "--seeds", "2", "--workers", "1")
    status, _, err = command("run", "quick", *chosen, "--plugin", plugin, "--out", tmp_path / "run")
    assert status == 0, err
    assert command("publish", tmp_path / "run", "--out", tmp_path / "published")[0] == 0
    status, out, err = command("verify", tmp_path / "published", "--rerun", "2")
    assert status == 0, out + err
    assert "my-method is not drawn: this process knows no method my-method; --plugin FILE loads a plug-in's" in out
    assert not re.search(r"(?m)^drawn: ", out)

    def other(run):
        cell = run.cells()[0]
        scores = run.scores(cell).copy()
        scores[0] *= 1.5
        run.write_cell(replace(cell, scores=None), scores)
        run.write_info(replace(run.info, sealed_scores=run.digest_of(run.info.sealed)))

    forge(tmp_path / "published", other)
    again = ("--rerun", "2", "--plugin", plugin, "--workers", "1")
    status, out, err = command("verify", tmp_path / "published", *again)
    assert status == 1, out + err
    assert len(re.findall(r"(?m)^drawn: my-method on blobs", out)) == 2
    assert re.search(r"(?m)^the same bits: my-method on blobs\S+seed1, for \d+\.\d\d times the published epochs$", out)
    assert re.search(r"(?m)^DIFFERENT: my-method on blobs\S+seed0: 1 of \d+ scores differ, by at most 0\.33 of", out)
