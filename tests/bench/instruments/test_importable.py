"""Code that is left where Python loads it from is noticed."""

import sys

import pytest

from influence_bench.bench.errors import InputError
from influence_bench.bench.instruments.importable import check_unwritten, stamps


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder on the path, with a module that is loaded and one that is not."""
    for name in ("loaded_here.py", "not_loaded.py"):
        (tmp_path / name).write_text("VALUE = 1\n")
    (tmp_path / "package").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    __import__("loaded_here")
    yield tmp_path
    del sys.modules["loaded_here"]


@pytest.mark.parametrize("name", ["hook.pth", "sitecustomize.py", "loaded_here.py", "not_loaded.py"])
def test_code_that_was_written_is_named(place, name):
    before = stamps()
    check_unwritten(before)
    (place / name).write_text("VALUE = 2\n")
    with pytest.raises(InputError, match=f"files changed that Python loads code from: {place / name}. Nothing"):
        check_unwritten(before)


def test_packages_that_were_added_or_replaced_are_named(place):
    before = stamps()
    (place / "package").rename(place / "packed")
    (place / "package").mkdir()
    with pytest.raises(InputError, match=f"{place / 'package'}, {place / 'packed'}\\. Nothing"):
        check_unwritten(before)


def test_data_caches_and_modules_that_are_loaded_later_do_not_count(place):
    before = stamps()
    (place / "notes.txt").write_text("text")
    (place / "package" / "cache").write_text("cache")
    __import__("not_loaded")
    check_unwritten(before)
    del sys.modules["not_loaded"]
