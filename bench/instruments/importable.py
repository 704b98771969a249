"""The files that every new Python process loads code from, and whether somebody has written to them.

These are the entries of the folders on `sys.path`, `.pth` files and modules that shadow others among them, this
package, and the modules that this process has loaded. Deeper files of other packages are too many to look at.
"""

import os
import site
import sys
from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError
from ..fingerprint import ROOMS, ROOT

CODE = (".py", ".pth", ".so", ".pyd", ".zip", ".egg-link")
Stamps = Mapping[str, tuple[int, int, int]]
"""By path what changes when a file is written to or replaced: its inode, size and time of change in nanoseconds."""


def stamps() -> Stamps:
    """The stamps of these files as they are."""
    return {file: _stamp(file) for file in _listed() | _loaded()}


def check_unwritten(before: Stamps) -> None:
    """Check that none of these files has been written to, added or removed.

    Args:
        before: `stamps` as they were.

    Raises:
        InputError: names files that are not as they were.
    """
    if written := sorted(file for file in before.keys() | _listed() if _stamp(file) != before.get(file)):
        more = f" and {len(written) - 3} more" if len(written) > 3 else ""
        raise InputError(
            f"while code of third parties ran, files changed that Python loads code from: {', '.join(written[:3])}"
            f"{more}. Nothing that follows could be trusted: undo that, or run again if you installed something"
        )


def _listed() -> set[str]:
    places = {os.path.realpath(place) for place in (*sys.path, site.getusersitepackages()) if place}
    found = {
        sys.executable,
        str(Path(sys.prefix) / "pyvenv.cfg"),
        *(place for place in places if Path(place).is_file()),
    }
    for place in (place for place in places if Path(place).is_dir()):
        with os.scandir(place) as entries:
            found.update(entry.path for entry in entries if entry.name.endswith(CODE) or _holds_modules(entry))
    return found.union(*({str(file) for file in (ROOT / room).rglob("*.py")} for room in ROOMS))


def _holds_modules(entry: os.DirEntry[str]) -> bool:
    return entry.name.isidentifier() and entry.name != "__pycache__" and entry.is_dir()


def _loaded() -> set[str]:
    modules = [*sys.modules.values()]
    files = {getattr(module, name, None) for module in modules for name in ("__file__", "__cached__")}
    return {str(Path(file).absolute()) for file in files if isinstance(file, str)}


def _stamp(file: str) -> tuple[int, int, int]:
    """Of a folder, whose entries may be caches, the inode alone."""
    try:
        status = Path(file).stat()
    except OSError:
        return 0, 0, 0
    return (status.st_ino, 0, 0) if Path(file).is_dir() else (status.st_ino, status.st_size, status.st_ctime_ns)
