"""What a result depends on, as short digests: a result is redone when one of them has changed, and it can say which."""

import ast
import hashlib
import importlib.util
import platform
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from torch import Tensor

PACKAGE = "influence_bench"
LIBRARIES = ("torch", "numpy", "scikit-learn")


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
    """Versions of Python, of the libraries that results depend on, and of those of more that are installed."""
    found = {name: version(name) for name in LIBRARIES} | {name: installed(name) for name in more}
    return {"python": platform.python_version()} | {name: own for name, own in found.items() if own}


def installed(package: str) -> str | None:
    """The version of an optional package, None if it or what its extras need is not installed; nothing is imported.

    Args:
        package: as pip is given it, `name` or `name[extra]`.
    """
    asked = Requirement(package)
    try:
        found = version(asked.name)
    except PackageNotFoundError:
        return None
    lines = map(Requirement, requires(asked.name) or [])
    needed = [one.name for one in lines if one.marker and any(one.marker.evaluate({"extra": e}) for e in asked.extras)]
    return found if all(map(installed, needed)) else None


def code(module: str) -> dict[str, str]:
    """Digests of a module and of every package module that it imports, directly or not, by module name.

    The digest is of the syntax tree without docstrings: a comment or a line break changes nothing, a helper's changed
    line does.
    """
    found: dict[str, str] = {}
    todo = [module]
    while todo:
        name = todo.pop()
        if name not in found:
            found[name], imported = _parsed(name)
            todo += imported
    return found


@cache
def _parsed(module: str) -> tuple[str, tuple[str, ...]]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return "", ()
    tree = ast.parse(Path(spec.origin).read_text())
    parent = module if spec.submodule_search_locations else module.rpartition(".")[0]
    imported = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = (
                importlib.util.resolve_name("." * node.level + (node.module or ""), parent)
                if node.level
                else node.module
            )
            imported += [str(base), *(f"{base}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        _drop_docstring(node)
    own = tuple(name for name in imported if name.startswith(f"{PACKAGE}.") and _is_module(name))
    return digest(ast.dump(tree)), own


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _drop_docstring(node: ast.AST) -> None:
    documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    if documented and ast.get_docstring(node, clean=False) is not None:  # type: ignore[arg-type]
        del node.body[0]  # type: ignore[attr-defined]
