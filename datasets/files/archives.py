"""Unpacking of archives: only the members that a loader names, each written completely or not at all."""

import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO

from ...bench.files import write
from .checks import damaged, reading
from .download import DownloadBar


def extract(archive: Path, folder: Path, sizes: Mapping[str, int]) -> None:
    """Write the named members of a .tar.gz that `folder` lacks, and nothing else.

    Args:
        archive: the file to unpack.
        folder: where the members go.
        sizes: size in bytes of each regular file to unpack, by its path in the archive and in the folder.

    Raises:
        InputError: if the archive is damaged, or lacks a member of that size.
    """
    lacking = {name: size for name, size in sizes.items() if not (folder / name).exists()}
    with (
        reading(archive),
        closing(DownloadBar(f"Unpacking {archive.name}", sum(lacking.values()))) as bar,
        tarfile.open(archive, "r:gz") as tar,
    ):
        for member in tar:
            if member.isreg() and lacking.get(member.name) == member.size and (stream := tar.extractfile(member)):
                _copy(stream, folder / member.name)
                bar.update(member.size)
    for name, size in lacking.items():
        if not (folder / name).exists():
            raise damaged(archive, f"it holds no file {name} of {size} bytes")


def unzip(archive: Path, folder: Path, names: Iterable[str]) -> None:
    """Write the named members of a .zip that `folder` lacks, and nothing else.

    Args:
        archive: the file to unpack.
        folder: where the members go.
        names: path of each file to unpack, in the archive and in the folder.

    Raises:
        InputError: if the archive is damaged, or lacks a member.
    """
    with reading(archive), zipfile.ZipFile(archive) as zipped:
        for name in (name for name in names if not (folder / name).exists()):
            if name not in zipped.namelist():
                raise damaged(archive, f"it holds no file {name}")
            with zipped.open(name) as stream:
                _copy(stream, folder / name)


def _copy(stream: IO[bytes], path: Path) -> None:
    write(path, lambda file: shutil.copyfileobj(stream, file))
