"""A registry: entries by name, which register themselves when their modules are imported."""

import importlib
import pkgutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Generic, TypeVar

from ..errors import InputError, unknown
from .arguments import Registered, bracketed

Entry = TypeVar("Entry", bound=Registered)


class Registry(Generic[Entry]):
    """Entries of one kind.

    Args:
        kind: what an error calls an entry, as `method`.
        home: the package whose modules register entries. Third parties register theirs by an entry point of the group
            of that name, which names a module of theirs.
    """

    takes_third_parties: ClassVar[bool] = True
    """Whether the registries of this process import entry points; False, set before, keeps the code of others out."""

    def __init__(self, kind: str, home: str) -> None:
        self.kind, self.home = kind, home
        self._entries: dict[str, Entry] = {}
        self._imported = False

    def add(self, entry: Entry) -> None:
        """Register an entry; the same module may register it again.

        Raises:
            InputError: if another module has registered an entry of that name.
        """
        known, module = self._entries.get(entry.key), entry.function.__module__
        if known is not None and known.function.__module__ != module:
            raise InputError(f"the {self.kind} '{entry.key}' of {module} is already in {known.function.__module__}")
        self._entries[entry.key] = entry

    def all(self) -> dict[str, Entry]:
        """Every entry by name, module by module, in the order in which each module registers its entries."""
        if not self._imported:
            self._imported = True
            try:
                self._import_modules()
            except BaseException:
                self._imported = False
                raise
        return dict(sorted(self._entries.items(), key=lambda item: item[1].function.__module__))

    def find(self, name: str) -> Entry:
        """The entry of that name.

        Raises:
            InputError: with the nearest names, if there is none.
        """
        entries = self.all()
        if name not in entries:
            error = unknown(self.kind, name, entries)
            if self.third_parties and not self.takes_third_parties:
                raise InputError(f"{error}; a sealed run takes no {self.kind} of third parties, a run with --salt does")
            raise error
        return entries[name]

    @property
    def third_parties(self) -> Sequence[EntryPoint]:
        """The entry points of third parties, which name modules that register entries."""
        return tuple(entry_points(group=self.home))

    def parse(self, text: str) -> tuple[Entry, dict[str, Any]]:
        """The entry and the checked arguments that `name` or `name[key=value,...]` asks for.

        Raises:
            InputError: if the text is not of that form, or the entry or an argument is unknown.
        """
        name, texts = bracketed(text, self.kind)
        entry = self.find(name)
        return entry, entry.typed(texts)

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Forget after the block what was registered in it: for tests."""
        before = self.all()
        try:
            yield
        finally:
            self._entries = before

    def _import_modules(self) -> None:
        package = importlib.import_module(self.home)
        for module in pkgutil.walk_packages(package.__path__, f"{self.home}."):
            importlib.import_module(module.name)
        if self.takes_third_parties:
            self.import_third_parties()

    def import_third_parties(self) -> None:
        """Import the modules that entry points name."""
        for entry_point in self.third_parties:
            try:
                entry_point.load()
            except Exception as error:  # a broken plug-in must not stop the suite
                warnings.warn(f"the plug-in {entry_point.value} cannot be imported: {error}", stacklevel=5)


def name_of(function: Callable[..., Any]) -> str:
    """The name that a function is registered under: its own, with hyphens."""
    return function.__name__.replace("_", "-")
