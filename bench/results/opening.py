"""The run in a folder: as it was made, or as it was published."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import InputError
from .archive import unpack
from .run import Run

ARCHIVE = "run.parquet"
"""The name of the archive in the folder of a published run."""


@dataclass(frozen=True)
class Published(Run):
    """A published run to read: its archive, unpacked into a folder that lasts as long as this object."""

    temporary: TemporaryDirectory[str]


def open_run(folder: str | Path) -> Run:
    """The run in a folder.

    Raises:
        InputError: if there is none, one of another version, or a published run whose archive is damaged.
    """
    folder = Path(folder)
    if (folder / ARCHIVE).is_file():
        temporary = TemporaryDirectory(prefix="influence-bench-")
        return Published(unpack(folder / ARCHIVE, Path(temporary.name)).folder, temporary)
    if not (folder / "run.json").is_file():
        raise InputError(
            f"{folder} is not a run: it has no run.json; make one with influence-bench run SUITE --out {folder}"
        )
    run = Run(folder)
    _ = run.info  # raises if it is of another version
    return run
