"""Fingerprints: as narrow as what a method computes, and no narrower."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from influence_bench.bench import fingerprint
from influence_bench.bench.registry.method import METHODS
from influence_bench.bench.registry.score import score

ROOT = Path(__file__).parents[2]
ASK = """
import json, sys
from pathlib import Path
from influence_bench.bench import fingerprint
from influence_bench.bench.registry.method import METHODS
from influence_bench.bench.registry.score import score

def codes():
    fingerprint._parsed.cache_clear(), fingerprint._code.cache_clear()
    return {name: fingerprint.code(score, method.function) for name, method in METHODS.all().items()}

before, changed = codes(), {}
for file, old, new in json.load(sys.stdin):
    path = fingerprint.ROOT / file
    text = path.read_text()
    assert old in text, (file, old)
    path.write_text(text.replace(old, new, 1))
    now = codes()
    changed[file + " " + old] = [name for name in before if before[name] != now[name]]
    path.write_text(text)
print(json.dumps(changed))
"""
HARMLESS = [  # file, a line of it, what it becomes
    ("bench/progress.py", "LINE_SECONDS = 10.0", "LINE_SECONDS = 11.0"),
    ("bench/errors.py", "did you mean", "perhaps you mean"),
    ("bench/instruments/memory.py", "* 1024", "* 1000"),
    ("bench/registry/arguments.py", "takes no", "does not take"),
    ("bench/registry/method.py", "which is not installed", "which is absent"),
    ("bench/run/estimate.py", "FASTER = 1.15", "FASTER = 1.2"),
    ("bench/cli/main.py", "help=", "rich_help_panel=None, help="),
    ("reports/style.py", "#D55E00", "#D55E01"),
    ("reports/leaderboard/plots.py", "BEYOND = 1.003", "BEYOND = 1.004"),
    ("datasets/noise/label_noise.py", "DIRECTIONS = 128", "DIRECTIONS = 129"),
    ("methods/control.py", '"""Uniform random numbers.', '"""Random numbers.'),
    ("bench/problem/problem.py", "class Problem:", "class Problem:  # a comment"),
]
FAR = [  # a change that concerns some methods and leaves the others alone
    ("methods/valuation/lava.py", "ROUNDS, PRECISION = ", "PRECISION, ROUNDS = ", {"lava"}, {"random", "loss", "trak"}),
    ("methods/outliers/detectors.py", "def pyod_scores(", "def pyod_scores(_=0, *, ", {"outlier-gradient"}, {"el2n"}),
    ("methods/gradients/forms/outer.py", "class Outer(", "class Outer(object, ", {"outlier-gradient"}, {"loss", "aum"}),
    ("bench/problem/passes.py", "rank = 0", "rank = 1", {"loss", "tracin"}, set()),
    ("bench/registry/score.py", "max(1.0,", "max(2.0,", {"random", "loss", "outlier-gradient"}, set()),
]


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """The methods whose code changes with each of the changes, which are made in a copy of the package."""
    copy = tmp_path_factory.mktemp("copy") / "influence_bench"
    ignored = shutil.ignore_patterns("published", "__pycache__", ".*", "tests", "runs")
    shutil.copytree(ROOT, copy, ignore=ignored)
    edits = [edit[:3] for edit in (*HARMLESS, *FAR)]
    done = subprocess.run(
        [sys.executable, "-P", "-c", ASK],
        input=json.dumps(edits),
        env={"PYTHONPATH": str(copy.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("file", "line", "_"), HARMLESS, ids=[edit[0] for edit in HARMLESS])
def test_what_finds_measures_shows_or_documents_makes_no_score_stale(changed, file, line, _):
    assert changed[f"{file} {line}"] == []


@pytest.mark.parametrize(("file", "line", "_", "some", "others"), FAR, ids=[edit[0] for edit in FAR])
def test_a_changed_helper_makes_those_stale_that_use_it_and_no_others(changed, file, line, _, some, others):
    stale = set(changed[f"{file} {line}"])
    assert some <= stale
    assert not others & stale


def reached(name):
    code = fingerprint.code(score, METHODS.find(name).function)
    return {module.removeprefix("influence_bench.") for module in code}


def test_random_depends_on_the_problem_and_on_nothing_else():
    assert reached("random") == {
        "methods.control",
        "bench.registry.score",
        *(f"bench.problem.{name}" for name in ("problem", "examples", "checkpoint", "dynamics", "assembly", "passes")),
    }


def test_a_method_of_the_engine_depends_on_the_engine():
    assert {"methods.gradients.capture", "methods.gradients.forms.outer"} <= reached("outlier-gradient")
    assert not any(module.startswith("methods.gradients") for module in reached("loss"))


def test_a_module_that_cannot_be_found_is_an_error():
    with pytest.raises(ModuleNotFoundError, match="cannot be found"):
        fingerprint._parsed("influence_bench.methods.no_such_module")


MODULES = {
    "shop/__init__.py": "",
    "shop/rules.py": "RULES = {}\nRULES['a'] = 1\nUNUSED = 5\n",
    "shop/parts.py": (
        "from . import rules\n"
        "class Part:\n"
        "    size = 3\n"
        "    def __init__(self): self.weigh()\n"
        "    def weigh(self): return rules.RULES\n"
        "    def unused(self): return rules.UNUSED\n"
    ),
    "shop/main.py": "from .parts import Part\ndef run(x: int): return Part()\ndef other(): ...\n",
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A package on disk; returns the digests of what its function `run` reaches after a change of a file."""
    for name, content in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    from shop.main import run

    def digests(name="", old="", new=""):
        if name:
            assert old in MODULES[name]
            (tmp_path / name).write_text(MODULES[name].replace(old, new))
        fingerprint._parsed.cache_clear(), fingerprint._code.cache_clear()
        return fingerprint.code(run)

    yield digests
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("shop/rules.py", "= 1", "= 2"),  # what is done to a variable is a part of it
        ("shop/parts.py", "size = 3", "size = 4"),  # a field of a class that is reached
        ("shop/parts.py", "self.weigh()", "self.weigh(), 1"),  # a special method
        ("shop/parts.py", "return rules.RULES", "return rules.RULES, 1"),  # a method that is mentioned
        ("shop/main.py", "return Part()", "return Part"),  # the function itself
    ],
)
def test_a_change_of_what_a_function_reaches_is_seen(shop, file, old, new):
    assert shop() != shop(file, old, new)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("shop/rules.py", "= 5", "= 6"),  # a variable that nobody names
        ("shop/parts.py", "return rules.UNUSED", "return 0"),  # a method that nobody mentions
        ("shop/main.py", "def other(): ...", "def other(): return 1"),
    ],
)
def test_a_change_of_what_it_does_not_reach_is_not(shop, file, old, new):
    assert shop() == shop(file, old, new)
