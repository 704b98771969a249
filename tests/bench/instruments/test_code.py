"""The code that a function can reach: as narrow as what a method computes, and no narrower."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import influence_bench as ib
from influence_bench.bench.instruments.code import _parsed, _Walk, forget, reached_code
from influence_bench.bench.models.architecture import find_model
from influence_bench.bench.registry.method import METHODS
from influence_bench.bench.registry.score import score

ROOT = Path(__file__).parents[3]
ASK = """
import json, sys
from influence_bench.bench.fingerprint import ROOT
from influence_bench.bench.instruments.code import forget, reached_code
from influence_bench.bench.registry.method import METHODS
from influence_bench.bench.registry.score import score

def codes():
    forget()
    return {name: reached_code(score, method.function) for name, method in METHODS.all().items()}

before, changed = codes(), {}
for file, old, new in json.load(sys.stdin):
    path = ROOT / file
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
    code = reached_code(score, METHODS.find(name).function)
    return {module.removeprefix("influence_bench.") for module in code}


ROOM = Path(__file__).parents[3] / "bench" / "problem"


def test_random_depends_on_the_problem_and_on_nothing_else():
    assert reached("random") == {
        "methods.control",
        "bench.registry.score",
        *(f"bench.problem.{file.stem}" for file in ROOM.glob("[a-z]*.py") if file.stem != "texts"),
    }


def test_a_method_of_the_engine_depends_on_the_engine():
    assert {"methods.gradients.capture", "methods.gradients.forms.outer"} <= reached("outlier-gradient")
    assert not any(module.startswith("methods.gradients") for module in reached("loss"))


SHOP = {
    "__init__.py": "",
    "rules.py": "RULES = {}\nRULES['a'] = 1\nUNUSED = 5\nif RULES:\n    KIND = 1\n",
    "effects.py": "from .rules import RULES\nRULES['b'] = 2\n",
    "through.py": "from .rules import *\nfrom .rules import KIND as SORT\n",
    "bases.py": "class Base:\n    def lift(self): return self.arm()\n    def lower(self): ...\n",
    "wrapping.py": "def twice(f): return lambda *a: f(*a)\n",
    "parts.py": (
        "import torch\n"
        "from . import rules, through\n"
        "from .bases import Base\n"
        "from .wrapping import twice\n"
        "class Part(Base):\n"
        "    size = 3\n"
        "    def __init__(self): self.weigh(), self.lift()\n"
        "    def weigh(self): return rules.RULES, through.SORT\n"
        "    def arm(self): return 'strong'\n"
        "    def unused(self): return rules.UNUSED\n"
        "class Layer(torch.nn.Module):\n"
        "    def forward(self, x): return x + 1\n"
        "@twice\n"
        "def helper(): return Part(), Layer()(torch.zeros(1))\n"
    ),
    "main.py": (
        "from . import effects\nfrom .parts import helper\ndef run(x: int = 2): return helper()\ndef other(): ...\n"
    ),
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A package on disk; returns the digests of what its function `run` reaches after a change of a file."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, content in SHOP.items():
        (folder / name).write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    from shop.main import run

    def digests(name="", old="", new=""):
        if name:
            assert old in SHOP[name]
            (folder / name).write_text(SHOP[name].replace(old, new))
        forget()
        return reached_code(run)

    yield digests
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.py", "return helper()", "return helper"),
        ("main.py", "x: int = 2", "x: int = 3"),
        ("rules.py", "RULES['a'] = 1", "RULES['a'] = 2"),  # a statement that changes a variable
        ("effects.py", "= 2", "= 3"),  # the same, in a module that is only imported
        ("rules.py", "KIND = 1", "KIND = 2"),  # defined under a condition, imported under another name
        ("through.py", "KIND as SORT", "UNUSED as SORT"),
        ("wrapping.py", "f(*a)", "f(*a)[0]"),  # a decorator of the package
        ("parts.py", "size = 3", "size = 4"),  # a field of a class
        ("parts.py", "self.weigh(), self.lift()", "self.weigh()"),  # a special method
        ("parts.py", "return rules.RULES", "return 1, rules.RULES"),  # a method that is mentioned
        ("bases.py", "self.arm()", "self.arm"),  # a method of a base in another module
        ("parts.py", "'strong'", "'weak'"),  # a method that only the base mentions
        ("parts.py", "x + 1", "x + 2"),  # a method that only a library calls
    ],
)
def test_a_change_of_what_a_function_reaches_is_seen(shop, file, old, new):
    assert shop() != shop(file, old, new)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("rules.py", "UNUSED = 5", "UNUSED = 6"),  # a variable that no reached code names
        ("parts.py", "return rules.UNUSED", "return 0"),  # a method that no reached code mentions
        ("bases.py", "def lower(self): ...", "def lower(self): return 1"),
        ("main.py", "def other(): ...", "def other(): return 1"),
    ],
)
def test_a_change_of_what_it_does_not_reach_is_not(shop, file, old, new):
    assert shop() == shop(file, old, new)


def test_a_method_that_is_scored_by_its_name_is_reached(own_methods):
    @ib.method(family="control", paper="none")
    def by_name(problem):
        return ib.score("tracin[layers=all]", problem)

    by_names = {name: method.function for name, method in METHODS.all().items()}
    assert "influence_bench.methods.tracing.tracin" in reached_code(by_name, by_name=by_names)
    assert "influence_bench.methods.tracing.tracin" not in reached_code(by_name)


def test_the_code_of_a_network_is_reached_though_only_torch_calls_it():
    network = find_model("small-resnet").function
    before = reached_code(network)
    assert "influence_bench.bench.models.networks" in before
    definitions = _parsed("influence_bench.bench.models.networks").definitions
    assert "ResidualBlock.forward" in definitions
    walk = _Walk({"influence_bench"}, {})
    walk.start(network.__module__, network.__qualname__)
    assert ("influence_bench.bench.models.networks", "ResidualBlock.forward") in walk.reached


def test_a_module_that_cannot_be_found_is_an_error(shop):
    with pytest.raises(ModuleNotFoundError, match=r"shop\.gone cannot be found"):
        shop("main.py", "from . import effects", "from .gone import effects")
