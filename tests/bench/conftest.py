"""What tests of several rooms share: the command line, and saved runs of the benchmarks."""

import json
import sys

import pytest

from influence_bench.bench.cli import main


@pytest.fixture
def command(monkeypatch, capsys):
    """Run `influence-bench` in this process; returns exit status, standard output and standard error."""

    def run(*arguments, columns=200):
        monkeypatch.setattr(sys, "argv", ["influence-bench", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture
def save_benchmarks(tmp_path, monkeypatch):
    """Save a run of benchmarks, (seconds, epochs) by name, in the folder .benchmarks; returns its file."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".benchmarks" / "Linux-CPython-3.11-64bit"
    folder.mkdir(parents=True)

    def save(name, times, number=1):
        benchmarks = [
            {
                "fullname": f"tests/benchmarks/test_speed.py::{benchmark}",
                "stats": {"median": seconds},
                "extra_info": {} if epochs is None else {"epochs": epochs},
            }
            for benchmark, (seconds, epochs) in times.items()
        ]
        file = folder / f"{number:04}_{name}.json"
        file.write_text(json.dumps({"machine_info": {}, "benchmarks": benchmarks}))
        return file

    return save


@pytest.fixture
def saved_benchmarks(save_benchmarks):
    """A run `before` and a run `after`: slower, faster, the same, gone, new, without epochs, with few epochs."""
    save_benchmarks(
        "before",
        {
            "slower": (1.0, 2.0),
            "faster": (1.0, 2.0),
            "same": (1.0, 2.0),
            "gone": (1.0, 2.0),
            "plain": (1.0, None),
            "tiny": (1.0, 0.001),
        },
    )
    save_benchmarks(
        "after",
        {
            "slower": (1.0, 3.0),
            "faster": (5.0, 1.0),
            "same": (9.0, 2.1),
            "new": (1.0, 2.0),
            "plain": (1.1, 2.0),
            "tiny": (1.0, 0.002),
        },
        number=2,
    )
