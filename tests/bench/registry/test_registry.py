"""Registries: entries come from the modules of a package, from entry points and from files."""

import sys

import pytest

import influence_bench as ib
from influence_bench.bench.registry import registry
from influence_bench.bench.registry.arguments import Registered
from influence_bench.bench.registry.plugins import load_plugin
from influence_bench.bench.registry.registry import Registry

PACKAGE = {
    "shelf/__init__.py": "from influence_bench.bench.registry.arguments import Registered\n"
    "from influence_bench.bench.registry.registry import Registry\n"
    'BOOKS = Registry("book", "shelf")\n',
    "shelf/upper/__init__.py": "",
    "shelf/upper/far/__init__.py": "",
    "shelf/upper/far/novels.py": "from shelf import BOOKS, Registered\n"
    "def a_novel(pages: int = 300): ...\n"
    'BOOKS.add(Registered("a-novel", a_novel))\n',
}


@pytest.fixture
def books(tmp_path, monkeypatch):
    """The registry of a package whose only entry lies two folders down."""
    for name, content in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    import shelf

    yield shelf.BOOKS
    for name in [name for name in sys.modules if name.partition(".")[0] == "shelf"]:
        del sys.modules[name]


def test_a_package_is_walked_to_the_bottom(books):
    assert list(books.all()) == ["a-novel"]
    entry, given = books.parse("a-novel[pages=20]")
    assert (entry.name, given) == ("a-novel", {"pages": 20})


def test_an_unknown_name_is_refused_with_the_nearest(books):
    with pytest.raises(ib.InputError, match="there is no book 'a-nowel': did you mean a-novel"):
        books.find("a-nowel")


def test_a_name_of_two_modules_is_refused(books):
    def a_novel(): ...

    books.all()
    with pytest.raises(ib.InputError, match=r"the book 'a-novel' of .* is already in shelf\.upper\.far\.novels"):
        books.add(Registered("a-novel", a_novel))


def test_what_is_registered_in_the_block_is_forgotten_after_it(books):
    def an_essay(): ...

    with books.restored():
        books.add(Registered("an-essay", an_essay))
        assert set(books.all()) == {"a-novel", "an-essay"}
    assert list(books.all()) == ["a-novel"]


def test_entries_come_by_entry_point_and_a_broken_one_stops_nothing(books, monkeypatch):
    class EntryPoint:
        def __init__(self, value, load):
            self.value, self.load = value, load

    def broken():
        raise ImportError("no")

    def fine():
        def an_essay(): ...

        books.add(Registered("an-essay", an_essay))

    points = [EntryPoint("broken", broken), EntryPoint("fine", fine)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "shelf" else [])
    with pytest.warns(UserWarning, match="the plug-in broken cannot be imported: no"):
        assert set(books.all()) == {"a-novel", "an-essay"}


def test_entry_points_can_be_kept_out_and_taken_later(books, monkeypatch):
    class EntryPoint:
        value = "fine"

        def load(self):
            def an_essay(): ...

            books.add(Registered("an-essay", an_essay))

    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint()])
    monkeypatch.setattr(Registry, "takes_third_parties", False)
    assert set(books.all()) == {"a-novel"}
    with pytest.raises(ib.InputError, match="; a sealed run takes no book of third parties"):
        books.find("an-essay")
    books.import_third_parties()
    assert set(books.all()) == {"a-novel", "an-essay"}


def test_an_import_that_fails_is_tried_again(books, tmp_path):
    broken = tmp_path / "shelf" / "upper" / "broken.py"
    broken.write_text("raise RuntimeError('no')")
    with pytest.raises(RuntimeError):
        books.all()
    broken.unlink()
    assert list(books.all()) == ["a-novel"]


def test_a_plug_in_cannot_take_a_name_of_the_package(tmp_path, own_methods):
    file = tmp_path / "thief.py"
    file.write_text(
        "import influence_bench as ib\n@ib.method(family='control', paper='none')\ndef loss(problem): ...\n"
    )
    with pytest.raises(
        ib.InputError, match=r"thief\.py fails to import.*'loss' of influence_bench_plugin_thief is already"
    ):
        load_plugin(file)


def test_two_plug_ins_of_one_name_are_refused(tmp_path, own_methods):
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text("")
    load_plugin(tmp_path / "one" / "mine.py")
    load_plugin(tmp_path / "one" / "mine.py")
    with pytest.raises(ib.InputError, match=r"one/mine\.py and .*other/mine\.py have one name: rename"):
        load_plugin(tmp_path / "other" / "mine.py")


def test_a_home_that_is_no_package_is_an_error():
    with pytest.raises(ModuleNotFoundError):
        Registry("thing", "influence_bench.no_such_room").all()
