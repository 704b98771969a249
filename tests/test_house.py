"""The house: rooms of few and small files, imports that run one way over whole chains, no circle."""

import ast
import re
import shutil
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec, resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ("bench", "datasets", "methods", "reports")
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

FACE = "the face"  # the file __init__.py of the package
GROUND = {"bench"}
INSTRUMENTS = GROUND | {"bench.instruments"}
PROBLEM = INSTRUMENTS | {"bench.problem"}
REGISTRY = PROBLEM | {"bench.registry"}
MODELS = REGISTRY | {"bench.models"}
RESULTS = GROUND | {"bench.results"}
DATASETS = REGISTRY | {"datasets"}
METHODS = REGISTRY | {"methods"}
TRAINING = MODELS | DATASETS | {"bench.training"}
RUN = TRAINING | METHODS | RESULTS | {"bench.run"}
SPEED = MODELS | METHODS | {"bench.speed"}
AUDIT = RUN | {"bench.audit"}
VERIFICATION = RUN | {"bench.verification"}
CATALOGUE = RUN | {"bench.catalogue"}
REPORTS = RESULTS | {"bench.registry", "reports"}
MAY_REACH = {
    "bench": GROUND,
    "bench.instruments": INSTRUMENTS,
    "bench.problem": PROBLEM,
    "bench.registry": REGISTRY,
    "bench.models": MODELS,
    "bench.results": RESULTS,
    "bench.training": TRAINING,
    "bench.run": RUN,
    "bench.speed": SPEED,
    "bench.audit": AUDIT,
    "bench.verification": VERIFICATION,
    "bench.catalogue": CATALOGUE,
    "bench.cli": AUDIT | VERIFICATION | CATALOGUE | SPEED | REPORTS | {"bench.cli"},
    "datasets": DATASETS,
    "methods": METHODS,
    "reports": REPORTS,
    FACE: AUDIT | CATALOGUE | {FACE},
    "__main__": AUDIT | VERIFICATION | CATALOGUE | SPEED | REPORTS | {"bench.cli", "__main__"},
}
"""The rooms that each room may reach, over chains of imports of any length, its own among them."""


def module_of(file, root):
    return ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def room_of(module):
    """The room that the rules speak of: a folder of bench/, or a whole floor."""
    parts = module.split(".")
    is_room = parts[0] == "bench" and (ROOT / "bench" / parts[1]).is_dir() if len(parts) > 1 else False
    return ".".join(parts[:2]) if is_room else parts[0]


def import_graph(root):
    """The modules that each module imports, inside functions too, by names below the package."""
    files = {module_of(file, root): file for floor in FLOORS for file in (root / floor).rglob("*.py")}
    files |= {FACE: root / "__init__.py", "__main__": root / "__main__.py"}
    graph = {}
    for module, file in files.items():
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        package = "" if module == FACE else package
        targets = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                ours = [alias.name for alias in node.names if alias.name.partition(".")[0] == "influence_bench"]
                targets |= {name.partition(".")[2] or FACE for name in ours} & files.keys()
            if not isinstance(node, ast.ImportFrom):
                continue
            if node.level:
                dots = "." * node.level
                base = resolve_name(dots + (node.module or ""), f"top.{package}").removeprefix("top").lstrip(".")
            elif (node.module or "").startswith("influence_bench"):
                base = node.module.removeprefix("influence_bench").lstrip(".")
            else:
                continue
            named = {f"{base}.{alias.name}".lstrip(".") for alias in node.names}
            folders = {name for name in named if (root / name.replace(".", "/")).is_dir()}
            targets |= {
                name if name in files else base or FACE for name in named - (folders - files.keys())
            } & files.keys()
        graph[module] = targets - {module}
    return graph


def forbidden_chain(graph, start):
    """The shortest chain of imports from a module to a room that it may not reach; None if there is none."""
    before, queue, may_reach = {start: None}, [start], MAY_REACH[room_of(start)]
    while queue:
        module = queue.pop(0)
        if room_of(module) not in may_reach:
            path = [module]
            while before[path[-1]] is not None:
                path.append(before[path[-1]])
            return " -> ".join(reversed(path))
        for target in sorted(graph[module] - before.keys()):
            before[target] = module
            queue.append(target)
    return None


def forbidden_chains(graph):
    return [chain for module in graph if (chain := forbidden_chain(graph, module))]


@pytest.fixture(scope="module")
def graph():
    return import_graph(ROOT)


def test_imports_run_downward_over_whole_chains(graph):
    assert forbidden_chains(graph) == []


def test_there_is_no_circle(graph):
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("methods/control.py", "from ..datasets.dataset import load", "methods.control -> datasets.dataset"),
        ("bench/problem/problem.py", "from ..run.pool import pool", "bench.problem.problem -> bench.run.pool"),
        ("bench/progress.py", "def later():\n    from .cli.main import app", "bench.progress -> bench.cli.main"),
        ("reports/style.py", "from ..methods.ranking import ranks", "reports.style -> methods.ranking"),
        ("methods/ranking.py", "import influence_bench.bench.cli.main", "methods.ranking -> bench.cli.main"),
        ("methods/ranking.py", "from influence_bench import load", "methods.ranking -> the face"),
        ("datasets/splitting.py", "from .. import run", "datasets.splitting -> the face"),
        (
            "bench/results/metrics.py",
            "from ..registry.method import METHODS",
            "metrics -> bench.registry",
        ),
    ],
)
def test_a_planted_import_breaks_a_rule(tmp_path, file, line, said):
    for floor in FLOORS:
        shutil.copytree(ROOT / floor, tmp_path / floor, ignore=shutil.ignore_patterns("published", "__pycache__"))
    for face in ("__init__.py", "__main__.py"):
        shutil.copy(ROOT / face, tmp_path)
    planted = tmp_path / file
    planted.write_text(planted.read_text() + f"\n{line}\n")
    assert any(said in chain for chain in forbidden_chains(import_graph(tmp_path)))


def test_a_planted_circle_is_found(graph):
    with pytest.raises(CycleError):
        TopologicalSorter(graph | {"bench.errors": {"bench.cli.main"}}).prepare()


def test_no_import_hides_behind_type_checking():
    for file in (file for floor in FLOORS for file in (ROOT / floor).rglob("*.py")):
        assert "TYPE_CHECKING" not in file.read_text(), file


def test_every_module_of_ours_that_a_string_names_exists():
    for file in (file for floor in FLOORS for file in (ROOT / floor).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            named = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if named and re.fullmatch(r"influence_bench(\.\w+)+", node.value):
                assert find_spec(node.value), f"{file.relative_to(ROOT)} names {node.value}"


def test_rooms_hold_few_files_and_files_are_small():
    for folder in {file.parent for floor in FLOORS for file in (ROOT / floor).rglob("*.py")}:
        most = 8 if folder == ROOT / "bench" else 16
        assert len(list(folder.glob("*.py"))) <= most, f"{folder.relative_to(ROOT)}: find a room for some of its files"
        for file in folder.glob("*.py"):
            assert len(file.read_text().splitlines()) <= 300, f"{file.relative_to(ROOT)}: split it by its nouns"


def test_the_init_file_of_a_room_holds_its_docstring_and_no_more():
    for file in (file for floor in FLOORS for file in (ROOT / floor).rglob("__init__.py")):
        if file.parent != ROOT / "bench" / "cli":  # which hands on `main`, the entry point
            (docstring,) = ast.parse(file.read_text()).body
            assert isinstance(docstring, ast.Expr), file


def test_no_test_file_imports_another():
    names = {file.stem for file in TESTS}
    for file in TESTS:
        for node in ast.walk(ast.parse(file.read_text())):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[-1] for name in imported} & names, file


def test_tests_lie_in_the_rooms_that_they_test():
    for file in TESTS:
        room = file.parent.relative_to(ROOT / "tests")
        assert room.parts[:1] in ((), ("benchmarks",), ("cuda",)) or (ROOT / room).is_dir(), file


def test_no_test_patches_a_private_registry():
    for file in TESTS:
        assert not re.search(r"setattr\([^)]*\"_(entries|methods|loaders|claims|pictures)\"", file.read_text()), file
