"""Every command and every example on every page works as it stands, and prints what the page says."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from pages import PAGES, README, ROOT, Block, blocks

import influence_bench as ib
from influence_bench.bench import install
from influence_bench.bench.cli import main
from influence_bench.bench.models.architecture import MODELS
from influence_bench.bench.registry.method import METHODS
from influence_bench.datasets.noise.kinds import NOISES
from influence_bench.datasets.source import DATASETS

TESTS, MAIN_JOB = "python3 bench/install.py pytest", "python3 bench/install.py influence-bench run quick"
BLOCKS = [block for page in PAGES for block in blocks(page)]
COMMANDS = [block for block in BLOCKS if block.info == "bash" and block.text.strip() not in (TESTS, MAIN_JOB)]
EXAMPLES = [block for block in BLOCKS if block.info == "python"]
REGISTRIES = {"method": METHODS, "dataset": DATASETS, "noise": NOISES, "model": MODELS}
TRIALS = {
    "method": ib.check_method,
    "dataset": lambda name: ib.prepare(ib.load(name, noise="symmetric", rate=0.2), model="logistic"),
    "noise": lambda name: ib.load("iris", noise=name, rate=0.2),
    "model": lambda name: ib.prepare(ib.load("iris"), model=name),
}
"""A use of what an example registers."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a reader stands: a folder with the benchmarks and the files that the pages show."""
    here = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "tests" / "benchmarks", here / "tests" / "benchmarks")
    shutil.copy(ROOT / "pyproject.toml", here)
    for block in BLOCKS:
        if block.file and "/" not in block.file:
            (here / block.file).write_text(block.text)
    return here


@pytest.fixture(autouse=True)
def place(folder, monkeypatch):
    """Problems are trained once for all pages, and what an example registers is forgotten after it."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(folder / "problems"))
    with ExitStack() as restored:
        for registry in REGISTRIES.values():
            restored.enter_context(registry.restored())
        yield
    for module in [module for module in sys.modules if module.startswith("influence_bench_plugin_")]:
        del sys.modules[module]


@pytest.fixture
def command(monkeypatch, capsys):
    """Run a command line, `influence-bench` in this process; returns what it prints."""

    def run(line):
        words = shlex.split(line)
        if words[0] != "influence-bench":
            return ran(words, Path.cwd())
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        slower = 1 if words[1:3] == ["speed", "compare"] else 0  # the machine decides which status this is
        assert ended.value.code in (None, 0, slower), printed.err
        return printed.out

    return run


def ran(words, where):
    binaries = Path(sys.executable).parent
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}  # a reader has none
    environment = own | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=where, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def shape(text):
    """A text without its figures and line breaks: those differ between machines and terminals."""
    return " ".join(re.sub(r"\d+(\.\d+)?(e[+-]\d+)?", "#", text).split())


def expected(block: Block) -> list[str]:
    """What a page says that a block of commands prints: the parts around what it leaves out as `...`."""
    after = [other for other in blocks(block.page) if other.number == block.number + 1 and other.info == "text"]
    return [part for text in after for part in text.text.split("...") if part.strip()]


@pytest.mark.parametrize("block", COMMANDS, ids=str)
def test_commands(block, command):
    printed = shape("".join(map(command, block.commands)))
    for part in expected(block):
        assert shape(part) in printed
        printed = printed.partition(shape(part))[2]


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_example(block, folder, monkeypatch):
    """An example that names a file of the package, as `# methods/labels/mine.py`, runs as that file."""
    file = folder / (block.file or f"{block}.py")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(block.text)
    package = "influence_bench." if "/" in block.file else ""
    name = package + ".".join(file.relative_to(folder).with_suffix("").parts)
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    before = entries()
    spec.loader.exec_module(module)
    registered = entries() - before
    assert bool(registered) == bool(block.file)
    for kind, entry in registered:
        TRIALS[kind](entry)


def entries():
    return {(kind, name) for kind, registry in REGISTRIES.items() for name in registry.all()}


def test_every_example_that_shows_an_output_is_run():
    shown = [block for block in BLOCKS if block.info == "text"]
    assert len(shown) == sum(bool(expected(block)) for block in COMMANDS) > 0


def test_the_main_job_installs_nothing_twice_and_prints_where_its_report_lies():
    installed = ROOT / ".venv" / "installed"
    if not installed.exists() or installed.read_text() != install.recipe():
        pytest.skip("the environment of the README's first command is missing or old: run bench/install.py once")
    printed = ran([*MAIN_JOB.split(), "--seeds", "1"], ROOT)  # of ten, which take minutes
    report = Path(printed.strip().splitlines()[-1].removeprefix("Report: "))
    assert (ROOT / report).is_file()
    assert "Installing" not in printed


def test_the_readme_names_the_test_command_that_ci_calls():
    assert TESTS in [line for block in blocks(README) for line in block.commands]
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1].startswith(TESTS)
