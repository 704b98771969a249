"""What a result depends on, as short digests: a result is redone when one of them has changed, and it can say which."""

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from torch import Tensor

PACKAGE = "influence_bench"
ROOT = Path(__file__).resolve().parents[1]
"""The folder of the package."""
ROOMS = ("bench", "datasets", "methods", "reports")
"""The folders in it that hold its code; in a checkout there are others beside them."""
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn")


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
