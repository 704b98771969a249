"""The command line as its users meet it: one clear line and exit status 2 for their mistakes, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from influence_bench.bench.cli import console

MISTAKES = {
    "no such suite": (["run", "quik"], "did you mean quick"),
    "no such suite to plan": (["plan", "quik"], "did you mean quick"),
    "no such method to plan": (["plan", "quick", "--methods", "el2"], "did you mean el2n"),
    "no such dataset to download": (["download", "cifar11"], "did you mean cifar10"),
    "no argument of a dataset": (["download", "pmlb"], "write pmlb[name=...]"),
    "no such argument": (["download", "pmlb[nam=titanic]"], "did you mean name"),
    "no such goal": (["recipes", "--datasets", "digit"], "did you mean digits"),
    "no such dataset": (["run", "quick", "--datasets", "digit"], "did you mean digits"),
    "no seeds": (["run", "quick", "--seeds", "0"], "at least 1"),
    "no workers": (["run", "quick", "--workers", "0", "--out", "{tmp}/run"], "at least 1"),
    "no such folder": (["report", "{tmp}"], "is not a run"),
    "no such plug-in": (["list", "methods", "--plugin", "{tmp}/none.py"], "not a Python file"),
    "broken plug-in": (["list", "methods", "--plugin", "{tmp}/broken.py"], "fails to import: ZeroDivisionError"),
    "no such command": (["rnu"], "rnu"),
    "no such option": (["run", "quick", "--sedes", "2"], "--sedes"),
    "not a number": (["run", "quick", "--seeds", "two"], "Invalid value for '--seeds'"),
    "an address": (
        ["score", "--data", "https://example.org/a.csv", "--label", "y"],
        "a.csv is at an address, which is",
    ),
    "a dash": (["audit", "-", "--label", "y"], "- is no file; to read standard input, name /dev/stdin"),
    "nothing to list": (["list", "metods"], "metods"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_is_one_clear_line_and_exit_status_2(command, tmp_path, kind):
    (tmp_path / "broken.py").write_text("1 / 0")
    arguments, message = MISTAKES[kind]
    status, out, err = command(*(text.format(tmp=tmp_path) for text in arguments))
    assert status == 2, out + err
    assert message in err
    assert err.startswith("influence-bench: ")
    assert err.count("\n") == 1, err


COMMANDS = [
    "", "run", "plan", "trim", "report", "claims", "compare", "score", "list", "show", "download", "recipes",
    "speed", "speed engine", "speed scaling", "speed compare",
]  # fmt: skip


@pytest.mark.parametrize("command_name", COMMANDS)
def test_help_everywhere(command, command_name):
    status, out, _ = command(*command_name.split(), "--help")
    assert status == 0
    assert "Usage" in out


def test_module_and_console_script_are_the_same_command():
    script = [Path(sys.executable).parent / "influence-bench"]
    outputs = [
        subprocess.run([*start, "list", "suites", "--json"], capture_output=True, text=True).stdout
        for start in (script, [sys.executable, "-P", "-m", "influence_bench"])
    ]
    assert outputs[0] == outputs[1]
    assert "quick" in outputs[0]


def test_a_command_that_draws_no_plot_does_not_import_plots():
    check = "import sys, influence_bench.bench.cli; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", check]).returncode == 0


def test_a_locale_of_ascii_stops_neither_reading_nor_printing():
    ascii_locale = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    check = (
        "import sys; from influence_bench.bench.instruments.code import package_code; package_code();"
        "from influence_bench.bench.cli import main; sys.argv = ['influence-bench', 'show', 'influence-self']; main()"
    )
    shown = subprocess.run([sys.executable, "-P", "-c", check], env=ascii_locale, capture_output=True)
    assert shown.returncode == 0, shown.stderr
    assert b"influence-self" in shown.stdout


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "a second"), (40, "40 s"), (99, "99 s"), (600, "10 min"), (7500, "2 h 5 min")],
)
def test_durations_in_words(seconds, words):
    assert console.duration(seconds) == words
