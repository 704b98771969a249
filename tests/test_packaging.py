"""The root of the repository is the package: what keeps that working with every tool."""

import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest

import influence_bench as ib

ROOT = Path(__file__).parents[1]
LINKS = ROOT / ".src" / "influence_bench"
ROOMS = ("bench", "datasets", "methods", "reports")


def test_every_link_of_the_src_layout_is_relative_and_whole():
    linked = {entry.name for entry in LINKS.iterdir() if entry.name != "__pycache__"}
    assert linked == {*ROOMS, "__init__.py", "__main__.py", "py.typed"}
    for name in linked:
        link = LINKS / name
        assert link.is_symlink(), f"{link} is not a link: git was told core.symlinks=false"
        assert link.readlink() == Path("../..", name)
        assert link.exists()


def test_datasets_has_no_init_file():
    """With one, our folder would shadow Hugging Face's `datasets` for every process that starts in the root."""
    assert not (ROOT / "datasets" / "__init__.py").exists()


@pytest.mark.parametrize("command", [["-c"], ["-m", "script"]])
def test_hugging_faces_datasets_wins_over_our_folder_in_the_root(tmp_path, command, monkeypatch):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("load_dataset = 'theirs'\n")
    (tmp_path / "script.py").write_text("import datasets; print(datasets.load_dataset)")
    code = ["import datasets; print(datasets.load_dataset)"] if command == ["-c"] else []
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    ran = subprocess.run([sys.executable, *command, *code], cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout.strip() == "theirs", ran.stderr


def test_rooms_are_modules_and_their_names_are_functions_of_the_face():
    import influence_bench.datasets.noise.kinds
    import influence_bench.methods.tracing.tracin as tracin

    assert tracin.tracin.__name__ == "tracin"
    assert influence_bench.datasets.noise.kinds.NOISES
    assert "tracin" in set(ib.methods()["method"])
    assert "digits" in set(ib.datasets()["dataset"])


def test_nothing_imports_torchvision_or_unpickles():
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            text = file.read_text()
            assert "torchvision" not in text, file
            assert "import pickle" not in text, file
            assert "weights_only=False" not in text, file
            assert "allow_pickle=True" not in text, file


def test_importing_the_package_is_quiet_and_leaves_reports_and_plots_alone():
    script = "import sys, influence_bench; print([m for m in sys.modules if m in ('matplotlib', 'seaborn', 'typer')])"
    ran = subprocess.run([sys.executable, "-P", "-W", "error", "-c", script], capture_output=True, text=True)
    assert ran.stdout.strip() == "[]", ran.stdout + ran.stderr
    assert not ran.stderr


def test_metadata():
    known = metadata("influence-bench")
    assert known["Version"] == ib.__version__
    assert known["License-Expression"] == "Apache-2.0"
    assert (LINKS / "py.typed").exists()
