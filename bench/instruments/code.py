"""The code that a function can reach, as digests: what a result depends on."""

import ast
import importlib.util
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ..fingerprint import PACKAGE, ROOMS, ROOT, digest

WITHOUT_EFFECT = tuple(
    f"{PACKAGE}.bench.{name}"
    for name in ("errors", "files", "fingerprint", "processes", "progress", "records", "instruments", "registry")
)
"""Modules that find, measure and show: no score depends on them."""
EFFECTS = "the effects"  # the definition that holds statements which define nothing
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def package_code() -> str:
    """Digest of all code of the package."""
    return digest(*(file.read_text("utf-8") for file in sorted(ROOT.rglob("*.py")) if _is_packaged(file)))


def reached_code(
    *functions: Callable[..., Any], by_name: Mapping[str, Callable[..., Any]] | None = None
) -> dict[str, str]:
    """Digests of the definitions that functions can reach, by module.

    A digest is of syntax trees without docstrings: a comment or a line break changes nothing. A function reaches the
    definitions that its code names, those reach others, and so on through this package and the function's own. A class
    brings its fields and special methods, and all its methods if a base is a library's, which may call them. Other
    methods, and definitions in modules that are imported whole, are reached where any reached code mentions them as an
    attribute or in a string. Statements that only have an effect count in every module that is imported. Names that are
    made at run time, and tables that decorators fill, are not seen. Modules that only find, measure and show
    (`WITHOUT_EFFECT`) are left out.

    Args:
        functions: where to begin.
        by_name: functions that code reaches by a string, `name` or `name[key=value]`, where it mentions `score`.

    Raises:
        ModuleNotFoundError: if a module that the code imports from its own package cannot be found.
    """
    named = tuple((name, *next(_roots(function))) for name, function in (by_name or {}).items())
    return dict(_code(tuple(root for function in functions for root in _roots(function)), named))


def forget() -> None:
    """Read files anew at the next call: for tests that change them."""
    _parsed.cache_clear()
    _code.cache_clear()


def _roots(function: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    """Module and name of a function, and of the function that a decorator put in its place."""
    yield function.__module__, function.__qualname__
    written = getattr(function, "__code__", None)
    module = getattr(function, "__globals__", {}).get("__name__", "")
    if written is not None and module.partition(".")[0] in (PACKAGE, function.__module__.partition(".")[0]):
        yield module, written.co_qualname


@cache
def _code(roots: tuple[tuple[str, str], ...], named: tuple[tuple[str, str, str], ...]) -> tuple[tuple[str, str], ...]:
    by_name = {name: (module, function) for name, module, function in named}
    walk = _Walk({PACKAGE, *(module.partition(".")[0] for module, _ in roots)}, by_name)
    for module, name in roots:
        walk.start(module, name)
    parts: dict[str, list[str]] = defaultdict(list)
    for module, name in sorted(walk.reached):
        parts[module] += [name, walk.reached[module, name].digest]
    return tuple((module, digest(*own)) for module, own in sorted(parts.items()))


@dataclass(frozen=True)
class _Definition:
    """A function, a class without its methods, a method or a variable: its digest, and what its code mentions."""

    digest: str
    names: frozenset[str]
    attributes: frozenset[str]
    strings: frozenset[str] = frozenset()
    bases: tuple[str, ...] = ()


@dataclass
class _Module:
    """A module: its definitions by name, `Class.method` and the effects `EFFECTS` among them, and its imports.

    An import maps a name to the modules, and the names in them, that it may stand for; "" is a module as a whole. The
    name `*` has the modules from which every name is imported.
    """

    definitions: dict[str, _Definition] = field(default_factory=dict)
    imports: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    submodules: tuple[str, ...] = ()


class _Walk:
    """Goes from definition to definition."""

    def __init__(self, packages: set[str], by_name: Mapping[str, tuple[str, str]]) -> None:
        self.packages, self.by_name = packages, by_name
        self.reached: dict[tuple[str, str], _Definition] = {}
        self.mentioned: set[str] = set()
        self.members: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.entered: set[str] = set()

    def start(self, module: str, name: str) -> None:
        """Reach a function; every definition of its module, if the module does not define it by that name."""
        own = _parsed(module).definitions
        for each in [name] if name in own else own:
            self._reach(module, each)

    def _name(self, module: str, name: str) -> None:
        """Follow a name that the code of a module uses."""
        parsed = _parsed(module)
        if name in parsed.definitions:
            self._reach(module, name)
        for home, original in parsed.imports.get(name, []):
            if original and self._is_followed(home):
                self._name(home, original)
            elif self._is_followed(home):
                self._open_module(home)
        if name in parsed.submodules:
            self._open_module(f"{module}.{name}")
        if name not in parsed.definitions.keys() | parsed.imports.keys():
            for home, _ in parsed.imports.get("*", []):
                if self._is_followed(home):
                    self._name(home, name)

    def _reach(self, module: str, name: str) -> None:
        if (module, name) in self.reached:
            return
        self._enter(module)
        parsed = _parsed(module)
        definition = self.reached[module, name] = parsed.definitions[name]
        of_library = not all(self._is_ours(module, base) for base in definition.bases)
        for key in [key for key in parsed.definitions if key.startswith(f"{name}.")]:
            self._offer(key.removeprefix(f"{name}."), module, key, at_once=of_library or key.startswith(f"{name}.__"))
        for other in definition.names:
            self._name(module, other)
        if "score" in definition.names | definition.attributes:
            for text in definition.strings & self.by_name.keys():
                self.start(*self.by_name[text])
        for attribute in definition.attributes - self.mentioned:
            self.mentioned.add(attribute)
            for place in list(self.members[attribute]):
                self._name(*place)

    def _enter(self, module: str) -> None:
        """Reach the effects of a module, and of the modules that it imports."""
        if module in self.entered or not self._is_followed(module):
            return
        self.entered.add(module)
        parsed = _parsed(module)
        if EFFECTS in parsed.definitions:
            self._reach(module, EFFECTS)
        for targets in parsed.imports.values():
            for home, _ in targets:
                self._enter(home)

    def _open_module(self, module: str) -> None:
        """Offer everything in a module that is imported whole."""
        parsed = _parsed(module)
        for name in {*parsed.definitions, *parsed.imports, *parsed.submodules}:
            if "." not in name:
                self._offer(name, module, name)

    def _offer(self, attribute: str, module: str, name: str, at_once: bool = False) -> None:
        """Reach a member of a class or a module as soon as it is mentioned, or at once."""
        if (module, name) not in self.members[attribute]:
            self.members[attribute].add((module, name))
            if at_once or attribute in self.mentioned:
                self._name(module, name)

    def _is_ours(self, module: str, base: str) -> bool:
        """Whether a base of a class is defined in code that is followed."""
        parsed = _parsed(module)
        homes = [home for home, _ in parsed.imports.get(base.partition(".")[0], [])]
        return base in parsed.definitions or (bool(homes) and all(map(self._is_followed, homes)))

    def _is_followed(self, module: str) -> bool:
        has_effect = not any(module == name or module.startswith(f"{name}.") for name in WITHOUT_EFFECT)
        return has_effect and module.partition(".")[0] in self.packages


@cache
def _parsed(module: str) -> _Module:
    """The definitions and imports of a module.

    Raises:
        ModuleNotFoundError: if there is no such module.
    """
    spec = importlib.util.find_spec(module)
    if spec is None:
        raise ModuleNotFoundError(f"{module} cannot be found, so that results cannot say what they depend on")
    folders = spec.submodule_search_locations
    submodules = tuple(info.name for info in pkgutil.iter_modules(folders or []))
    if spec.origin is None:  # a folder without __init__.py
        return _Module(submodules=submodules)
    tree = ast.parse(Path(spec.origin).read_bytes())
    imports: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for node in ast.walk(tree):
        _drop_docstring(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name, target in _imported(node, module if folders is not None else module.rpartition(".")[0]):
                imports[name].append(target)
    pieces: dict[str, list[ast.stmt]] = defaultdict(list)
    for statement in tree.body:
        for name, piece in _pieces(statement):
            pieces[name].append(piece)
    return _Module({name: _definition(own) for name, own in pieces.items()}, dict(imports), submodules)


def _pieces(statement: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    """The names that a statement defines, each with its code; the methods of a class have names of their own.

    A statement that changes what a name stands for, as `RULES[linear] = ...` does, is a part of that name.
    """
    if isinstance(statement, _FUNCTIONS):
        yield statement.name, statement
    elif isinstance(statement, ast.ClassDef):
        methods = [member for member in statement.body if isinstance(member, _FUNCTIONS)]
        yield from ((f"{statement.name}.{method.name}", method) for method in methods)
        statement.body = [member for member in statement.body if not isinstance(member, _FUNCTIONS)]
        yield statement.name, statement
    elif not isinstance(statement, ast.Import | ast.ImportFrom):
        inner = [node.name for node in ast.walk(statement) if isinstance(node, _FUNCTIONS | ast.ClassDef)]
        defined = {*inner, *_names(statement, ast.Store)}
        yield from ((name, statement) for name in defined)
        if not defined or not isinstance(statement, ast.Assign | ast.AnnAssign):
            yield EFFECTS, statement


def _definition(code: list[ast.stmt]) -> _Definition:
    names, attributes, strings = set[str](), set[str](), set[str]()
    for statement in code:
        names |= _names(statement)
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute):
                attributes.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings.add(node.value.partition("[")[0])
                if node.value.isidentifier():
                    attributes.add(node.value)
                    names.add(node.value)
    bases = [ast.unparse(base) for one in code if isinstance(one, ast.ClassDef) for base in one.bases]
    written = digest(*map(ast.dump, code))
    return _Definition(written, frozenset(names), frozenset(attributes), frozenset(strings), tuple(bases))


def _names(code: ast.AST, context: type[ast.expr_context] = ast.expr_context) -> set[str]:
    return {node.id for node in ast.walk(code) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def _imported(statement: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each name that an import binds, and the module and the name there that it stands for, "" for a module."""
    for alias in statement.names:
        if isinstance(statement, ast.Import):
            top = alias.name.partition(".")[0]
            yield alias.asname or top, (alias.name, "")
            if not alias.asname:
                yield top, (top, "")
            continue
        home = "." * statement.level + (statement.module or "")
        home = importlib.util.resolve_name(home, package) if statement.level else home
        inner = f"{home}.{alias.name}"
        is_module = home.partition(".")[0] in (PACKAGE, package.partition(".")[0]) and _is_module(inner)
        yield alias.asname or alias.name, (inner, "") if is_module else (home, alias.name)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # `home` is a module and no package
        return False


def _drop_docstring(node: ast.AST) -> None:
    documented = isinstance(node, ast.Module | ast.ClassDef | _FUNCTIONS)
    if documented and ast.get_docstring(node, clean=False) is not None:  # type: ignore[arg-type]
        del node.body[0]  # type: ignore[attr-defined]


def _is_packaged(file: Path) -> bool:
    return file.relative_to(ROOT).parts[0] in (*ROOMS, "__init__.py")
