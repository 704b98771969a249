"""Every command and every example of the README works as it stands."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from sklearn.datasets import load_iris

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
COMMANDS = [line for language, block in BLOCKS if language == "bash" for line in block.splitlines()]
EXAMPLES = [block for language, block in BLOCKS if language == "python"]
TESTS, MAIN_JOB = "python3 bench/install.py pytest", "python3 bench/install.py influence-bench run quick"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a reader would stand, with what the README takes for granted: a table, the tests, the plug-in."""
    here = tmp_path_factory.mktemp("reader")
    flowers = load_iris(as_frame=True).frame
    flowers["species"] = flowers.pop("target").map(lambda k: ["setosa", "versicolor", "virginica"][k])
    pd.DataFrame(flowers).to_csv(here / "flowers.csv", index=False)
    shutil.copytree(ROOT / "tests" / "benchmarks", here / "tests" / "benchmarks")
    shutil.copy(ROOT / "pyproject.toml", here)
    (here / "my_method.py").write_text(next(block for block in EXAMPLES if block.startswith("# my_method.py")))
    return here


def ran(command, where, **environment):
    binaries = Path(sys.executable).parent
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}  # a reader has none
    environment = own | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"} | environment
    done = subprocess.run(shlex.split(command), cwd=where, env=environment, capture_output=True, text=True)
    worsened = (
        1 if command.startswith("influence-bench timings") else 0
    )  # which is for the machine to say, not for a test
    assert done.returncode in (0, worsened), done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in (TESTS, MAIN_JOB)])
def test_command(command, folder):
    ran(command, folder, INFLUENCE_BENCH_CACHE=str(folder / "problems"))


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example(number, folder):
    ran(f"{sys.executable} -c {shlex.quote(EXAMPLES[number])}", folder, INFLUENCE_BENCH_CACHE=str(folder / "problems"))


def test_the_main_job_installs_nothing_twice_and_prints_where_its_report_lies():
    if not (ROOT / ".venv" / "installed").exists():
        pytest.skip("the environment of the README's first command is not there: run bench/install.py once")
    printed = ran(MAIN_JOB, ROOT)
    report = Path(printed.strip().splitlines()[-1].removeprefix("Report: "))
    assert (ROOT / report).is_file()
    assert "Installing" not in printed


def test_the_readme_names_the_test_command_that_ci_calls():
    assert TESTS in COMMANDS
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1].startswith(TESTS)


def test_every_method_is_in_the_readmes_table():
    from influence_bench.bench.registry.method import METHODS

    assert not [name for name in METHODS.all() if f"`{name}`" not in README]


def test_every_file_that_the_readme_links_is_there():
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link
