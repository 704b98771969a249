"""Two saved benchmark runs side by side: what has become slower is named, and damaged files are one clear line."""

import json
import sys

import pytest

import influence_bench as ib
from influence_bench.bench.cli import main as cli
from influence_bench.bench.speed.saved import compare, read, saved


def benchmark(name, seconds, epochs=None):
    extra = {} if epochs is None else {"epochs": epochs}
    return {"fullname": f"tests/benchmarks/test_speed.py::{name}", "stats": {"median": seconds}, "extra_info": extra}


@pytest.fixture
def save(tmp_path, monkeypatch):
    """Save a run under .benchmarks of the present folder, as pytest-benchmark does; returns its file."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".benchmarks" / "Linux-CPython-3.11-64bit"
    folder.mkdir(parents=True)

    def write(name, *benchmarks, number=1):
        file = folder / f"{number:04}_{name}.json"
        file.write_text(json.dumps({"machine_info": {}, "benchmarks": list(benchmarks)}))
        return file

    return write


@pytest.fixture
def runs(save):
    """A run and a later one: slower, faster, the same, gone, new, and one without epochs."""
    save(
        "before",
        benchmark("slower", 1.0, 2.0),
        benchmark("faster", 1.0, 2.0),
        benchmark("same", 1.0, 2.0),
        benchmark("gone", 1.0, 2.0),
        benchmark("plain", 1.0),
        benchmark("tiny", 1.0, 0.001),
    )
    save(
        "after",
        benchmark("slower", 1.0, 3.0),
        benchmark("faster", 5.0, 1.0),
        benchmark("same", 9.0, 2.1),
        benchmark("new", 1.0, 2.0),
        benchmark("plain", 1.1, 2.0),
        benchmark("tiny", 1.0, 0.002),
        number=2,
    )


@pytest.fixture
def command(monkeypatch, capsys):
    """Run `influence-bench timings`; returns exit status, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["influence-bench", "timings", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


def test_epochs_are_compared_and_seconds_where_there_are_no_epochs_to_speak_of(runs):
    frame = compare(read(saved("before")), read(saved("after")))
    frame["benchmark"] = frame["benchmark"].str.partition("::")[2]
    rows = frame.set_index("benchmark")
    assert rows["verdict"].to_dict() == {
        "slower": "slower",
        "plain": "same",
        "same": "same",
        "tiny": "same",
        "faster": "faster",
        "gone": "gone",
        "new": "new",
    }
    assert rows["ratio"].dropna().to_dict() == pytest.approx(
        {"slower": 1.5, "plain": 1.1, "same": 1.05, "tiny": 1.0, "faster": 0.5}
    )
    assert rows["unit"][rows["unit"] == "seconds"].index.tolist() == ["plain", "tiny"]
    assert frame["ratio"].dropna().is_monotonic_decreasing


def test_the_command_names_what_became_slower_and_ends_with_status_1(runs, command):
    status, out, err = command("before", "after")
    assert status == 1
    assert err == ""
    assert "slower (1): slower\n" in out
    assert "faster (1): faster\n" in out
    assert "new (1): new\n" in out
    assert "gone (1): gone\n" in out
    status, out, _ = command("before", "after", "--threshold", "1.6")
    assert status == 0
    assert out.endswith("Nothing has become slower by a factor of 1.6.\n")
    assert command("before", "before")[0] == 0


def test_a_run_is_found_by_file_number_or_name_and_the_latest_counts(save):
    first, second = save("one", benchmark("a", 1.0)), save("one", benchmark("a", 2.0), number=2)
    other = save("two", benchmark("a", 2.0), number=3)
    assert saved("one") == second.relative_to(second.parents[2])
    assert saved("0001").samefile(first)
    assert saved("0001_one").samefile(first)
    assert saved("two").samefile(other)
    assert saved(str(first)) == first


def test_a_run_without_a_file_is_one_clear_line(save, command):
    status, _, err = command("before", "after")
    assert status == 2
    assert "--benchmark-save=NAME" in err
    assert err.count("\n") == 1
    save("before", benchmark("a", 1.0))
    status, _, err = command("before", "befor")
    assert status == 2
    assert "did you mean before" in err
    status, _, err = command("before", "before", "--threshold", "1")
    assert status == 2
    assert "threshold=1 is out of range" in err


DAMAGED = {
    "cut short": b'{"benchmarks": [{"fullname": "a", "stats": {"med',
    "not text": b"\xff\xfe\x00",
    "another file": b'{"cells": []}',
    "a list": b"[1, 2]",
    "a number": b"7",
    "not a time": b'{"benchmarks": [{"fullname": "a", "stats": {"median": "fast"}}]}',
    "no time": b'{"benchmarks": [{"fullname": "a", "stats": {"median": NaN}}]}',
    "negative epochs": b'{"benchmarks": [{"fullname": "a", "stats": {"median": 1}, "extra_info": {"epochs": -1}}]}',
    "odd extras": b'{"benchmarks": [{"fullname": "a", "stats": {"median": 1}, "extra_info": [1]}]}',
    "nothing in it": b'{"benchmarks": []}',
    "twice": b'{"benchmarks": [%b, %b]}' % ((b'{"fullname": "a", "stats": {"median": 1}}',) * 2),
    "nested deeply": b"[" * 100_000,
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_one_clear_line_and_exit_status_2(tmp_path, command, kind):
    file = tmp_path / "damaged.json"
    file.write_bytes(DAMAGED[kind])
    status, out, err = command(file, file)
    assert status == 2, out
    assert str(file) in err
    assert err.count("\n") == 1
    with pytest.raises(ib.InputError):
        read(file)
