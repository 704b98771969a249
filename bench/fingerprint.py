"""What a result depends on, as short digests: a result is redone when one of them has changed, and it can say which."""

import ast
import hashlib
import importlib.util
import platform
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from torch import Tensor

PACKAGE = "influence_bench"
ROOT = Path(__file__).resolve().parents[1]
"""The folder of the package."""
LIBRARIES = ("torch", "numpy", "scikit-learn")
WITHOUT_EFFECT = tuple(
    f"{PACKAGE}.bench.{name}"
    for name in ("errors", "files", "fingerprint", "processes", "progress", "records", "instruments", "registry")
)
"""Modules that find, measure and show: no score depends on them."""


def digest(*parts: bytes | str) -> str:
    """Sixteen hexadecimal digits of SHA-256 over the parts."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        total.update(len(content).to_bytes(8, "little") + content)
    return total.hexdigest()[:16]


def tensors(parts: Iterable[Tensor]) -> str:
    """Digest of tensors' shapes, types and contents."""
    flat = [(f"{tuple(t.shape)}{t.dtype}", t.contiguous().cpu().numpy().tobytes()) for t in parts]
    return digest(*(item for pair in flat for item in pair))


def versions(more: Iterable[str] = ()) -> dict[str, str]:
    """Versions of Python, of the libraries that results depend on, and of those of `more` that are installed."""
    known = {name: version(name) for name in LIBRARIES} | {name: installed(name) for name in more}
    return {"python": platform.python_version()} | {name: own for name, own in known.items() if own}


def installed(package: str) -> str | None:
    """The version of an optional package; None if it or what its extras need is not installed. Nothing is imported.

    Args:
        package: as pip is given it, `name` or `name[extra]`.
    """
    asked = Requirement(package)
    try:
        known = version(asked.name)
    except PackageNotFoundError:
        return None
    for needed in map(Requirement, requires(asked.name) or []):
        wanted = needed.marker and any(needed.marker.evaluate({"extra": extra}) for extra in asked.extras)
        if wanted and installed(needed.name) is None:
            return None
    return known


def package_code() -> str:
    """Digest of all code of the package."""
    return digest(*(file.read_text() for file in sorted(ROOT.rglob("*.py")) if _is_packaged(file)))


def code(*functions: Callable[..., Any]) -> dict[str, str]:
    """Digests of the definitions that functions can reach, by module.

    A digest is of syntax trees without docstrings: a comment or a line break changes nothing. A function reaches the
    definitions that its code names, those reach others, and so on through this package and the function's own. A class
    that is reached brings its fields and special methods; another method of it, or a definition in a module that is
    imported whole, is reached where any reached code mentions it as an attribute or in a string. What decorates a
    function is not followed. Modules that only find, measure and show (`WITHOUT_EFFECT`) are left out.

    Raises:
        ModuleNotFoundError: if a module that the code imports from its own package cannot be found.
    """
    return dict(_code(tuple((function.__module__, function.__qualname__) for function in functions)))


@cache
def _code(roots: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    walk = _Walk({PACKAGE, *(module.partition(".")[0] for module, _ in roots)})
    for module, name in roots:
        walk.start(module, name)
    parts: dict[str, list[str]] = defaultdict(list)
    for module, name in sorted(walk.reached):
        parts[module] += [name, walk.reached[module, name].digest]
    return tuple((module, digest(*own)) for module, own in sorted(parts.items()))


@dataclass(frozen=True)
class _Definition:
    """A function, a class without its methods, a method or a variable, and what its code mentions."""

    digest: str
    names: frozenset[str]
    attributes: frozenset[str]


@dataclass
class _Module:
    """The definitions of a module by name, `Class.method` among them, and what its other names are imported from."""

    definitions: dict[str, _Definition] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)


class _Walk:
    """Goes from definition to definition."""

    def __init__(self, packages: set[str]) -> None:
        self.packages = packages
        self.reached: dict[tuple[str, str], _Definition] = {}
        self.mentioned: set[str] = set()
        self.members: dict[str, set[tuple[str, str]]] = defaultdict(set)

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
        elif name in parsed.imports:
            home, original = parsed.imports[name]
            if not self._is_followed(home):
                return
            if original:
                self._name(home, original)
            else:
                self._open(home, {key: key for key in _parsed(home).definitions if "." not in key})

    def _reach(self, module: str, name: str) -> None:
        if (module, name) in self.reached:
            return
        parsed = _parsed(module)
        definition = self.reached[module, name] = parsed.definitions[name]
        self._open(
            module, {key.removeprefix(f"{name}."): key for key in parsed.definitions if key.startswith(f"{name}.")}
        )
        for other in definition.names:
            self._name(module, other)
        for attribute in definition.attributes - self.mentioned:
            self.mentioned.add(attribute)
            for place in list(self.members[attribute]):
                self._reach(*place)

    def _open(self, module: str, members: dict[str, str]) -> None:
        """Reach members of a class or a module as soon as they are mentioned; special methods at once."""
        for attribute, name in members.items():
            self.members[attribute].add((module, name))
            if attribute in self.mentioned or (attribute.startswith("__") and "." in name):
                self._reach(module, name)

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
    if spec.origin is None:  # a folder without __init__.py
        return _Module()
    tree = ast.parse(Path(spec.origin).read_text())
    package = module if spec.submodule_search_locations is not None else module.rpartition(".")[0]
    imports: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree):
        _drop_docstring(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.update(_imported(node, package))
    pieces: dict[str, list[ast.stmt]] = defaultdict(list)
    for statement in tree.body:
        for name, piece in _pieces(statement):
            pieces[name].append(piece)
    for statement in tree.body:
        for name in _changed(statement) & pieces.keys():
            pieces[name].append(statement)
    return _Module({name: _definition(own) for name, own in pieces.items()}, imports)


_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def _pieces(statement: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    """The names that a statement defines, each with its code; the methods of a class have names of their own."""
    if isinstance(statement, _FUNCTIONS):
        yield statement.name, statement
    elif isinstance(statement, ast.ClassDef):
        methods = [member for member in statement.body if isinstance(member, _FUNCTIONS)]
        yield from ((f"{statement.name}.{method.name}", method) for method in methods)
        statement.body = [member for member in statement.body if not isinstance(member, _FUNCTIONS)]
        yield statement.name, statement
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        yield from ((name, statement) for name in _names(statement, ast.Store))


def _changed(statement: ast.stmt) -> set[str]:
    """The names that a statement may change without defining them, as `RULES[linear] = ...` changes RULES."""
    if isinstance(statement, _FUNCTIONS | ast.ClassDef | ast.Import | ast.ImportFrom):
        return set()
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return {name for target in targets for name in _names(target, ast.Load)}
    return _names(statement)


def _definition(code: list[ast.stmt]) -> _Definition:
    names, attributes = set[str](), set[str]()
    written = digest(*map(ast.dump, code))
    for statement in code:
        if isinstance(statement, _FUNCTIONS | ast.ClassDef):
            statement.decorator_list = []
        names |= _names(statement)
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute):
                attributes.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                attributes.add(node.value)
                names.add(node.value)
    return _Definition(written, frozenset(names), frozenset(attributes))


def _names(code: ast.AST, context: type[ast.expr_context] = ast.expr_context) -> set[str]:
    return {node.id for node in ast.walk(code) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def _imported(statement: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each name that an import binds, and the module and the name there that it stands for, "" for a module."""
    for alias in statement.names:
        if isinstance(statement, ast.Import):
            bound = alias.asname or alias.name.partition(".")[0]
            yield bound, (alias.name if alias.asname else bound, "")
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
    return file.relative_to(ROOT).parts[0] in ("bench", "datasets", "methods", "reports", "__init__.py")
