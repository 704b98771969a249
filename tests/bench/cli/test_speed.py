"""`speed`: a table on the terminal, every figure in a file, and an exit status that says whether anything is slower."""

import json
from dataclasses import replace

import numpy as np
import pytest

from influence_bench.bench.cli import speed
from influence_bench.bench.instruments import machine
from influence_bench.bench.speed import networks as engine
from influence_bench.bench.speed.networks import network
from influence_bench.bench.speed.works import EPOCH, works


@pytest.fixture
def tiny(monkeypatch):
    """The MLP on few rows, in place of all networks."""
    small = replace(network("mlp"), rows=40, repeats=2)
    for module in (engine, speed):
        monkeypatch.setattr(module, "NETWORKS", {"mlp": small})
    return small


def test_engine_prints_a_table_and_writes_every_figure(command, tiny, tmp_path):
    arguments = ["--json", tmp_path / "figures.json", "--repeats", 3]
    status, out, _ = command("speed", "engine", *arguments, columns=80)
    assert status == 0
    assert all(len(line.rstrip()) <= 80 for line in out.splitlines())
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["machine"] == machine.describe()
    assert written.keys() == {"machine", "commit", "versions", "peer_versions", "threads", "networks"}
    (mlp,) = written["networks"]
    assert {key: mlp[key] for key in ("network", "parameters", "n", "batch_size", "repeats", "peers")} == {
        "network": "mlp", "parameters": 235_146, "n": 40, "batch_size": 128, "repeats": 3, "peers": [],
    }  # fmt: skip
    assert [row["work"] for row in mlp["rows"]] == [work.name for work in works(tiny)]
    medians = {row["work"]: np.median(row["times"], axis=0)[1] for row in mlp["rows"]}
    for row in mlp["rows"]:
        assert np.shape(row["times"]) == (3, 2)
        assert row["priced_seconds"] == pytest.approx(medians[row["work"]])
        assert row["epochs"] == pytest.approx(row["priced_seconds"] / medians[EPOCH])
        assert row["met"] == (row["priced_seconds"] <= row["allowed"] if row["goal"] else None)
        assert any(line.startswith(row["work"][:16]) for line in out.splitlines())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("engine", "--networks", "mpl"), "there is no network 'mpl': did you mean mlp?"),
        (("engine", "--repeats", "0"), "--repeats"),
        (("scaling", "--networks", "mlp"), "--networks"),
        (("compare", "before", "after"), "--benchmark-save=NAME"),
        (("compare", "{tmp}", "{tmp}/none.json"), "there is no file"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_2(command, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    status, out, err = command("speed", *(text.format(tmp=tmp_path) for text in arguments))
    assert (status, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_file_that_cannot_be_written_is_an_error_before_the_work(command, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "measure", lambda *_: pytest.fail("work was done"))
    status, _, err = command("speed", "engine", "--json", tmp_path)
    assert (status, len(err.splitlines())) == (2, 1)


@pytest.mark.usefixtures("saved_benchmarks")
def test_compare_names_what_became_slower_and_ends_with_status_1(command):
    status, out, err = command("speed", "compare", "before", "after")
    assert status == 1
    assert err == ""
    assert "slower (1): slower\n" in out
    assert "faster (1): faster\n" in out
    assert "new (1): new\n" in out
    assert "gone (1): gone\n" in out
    status, out, _ = command("speed", "compare", "before", "after", "--threshold", "1.6")
    assert status == 0
    assert out.endswith("Nothing has become slower by a factor of 1.6.\n")
    assert command("speed", "compare", "before", "before")[0] == 0
