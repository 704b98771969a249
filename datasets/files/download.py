"""Data files: where they lie, how a missing one is downloaded, and one clear line for what is wrong with one."""

import gzip
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten

import numpy as np
import pooch
import torch
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from ...bench.errors import InputError


def data_folder() -> Path:
    """Where data files lie: the folder that INFLUENCE_BENCH_DATA names, or the user's cache."""
    return Path(os.environ.get("INFLUENCE_BENCH_DATA") or pooch.os_cache("influence-bench")).expanduser()


def fetch(name: str, url: str, checksum: str) -> Path:
    """The file `name` of the data folder: the one that is there, as it stands, or else the one at `url`.

    A download gets its name once it is complete and its checksum is right, so any number of processes may fetch the
    same file at once.

    Raises:
        InputError: if the file is missing and cannot be downloaded, or the checksum of what came is wrong.
    """
    path = data_folder() / name
    if path.exists():
        return path
    with closing(DownloadBar(path.name)) as bar:
        downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16)
        try:
            pooch.retrieve(url, checksum, fname=path.name, path=path.parent, downloader=downloader)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path.name} could not be downloaded from {url}; try again, or put {path.name} into {path.parent} "
                f"by hand ({shorten(str(error), 200)})"
            ) from error
    return path


def extract(archive: Path, folder: Path, sizes: Mapping[str, int]) -> None:
    """Write those members of a .tar.gz that `folder` lacks; whatever else the archive holds is left alone.

    Args:
        archive: the file to read.
        folder: where the members go, each complete or not at all.
        sizes: bytes of each regular file that is wanted, by its name in the archive and in the folder.

    Raises:
        InputError: if the archive is damaged or lacks a member of that size.
    """
    wanted = {name: size for name, size in sizes.items() if not (folder / name).exists()}
    with (
        reading(archive),
        closing(DownloadBar(f"Unpacking {archive.name}", sum(wanted.values()))) as bar,
        TemporaryDirectory(dir=folder) as temporary,
        tarfile.open(archive, "r:gz") as tar,
    ):
        for member in tar:
            if not (member.isreg() and wanted.get(member.name) == member.size and (stream := tar.extractfile(member))):
                continue
            partial, path = Path(temporary, "member"), folder / member.name
            with partial.open("wb") as file:
                shutil.copyfileobj(stream, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(path)
            bar.update(member.size)
    for name, size in wanted.items():
        if not (folder / name).exists():
            raise damaged(archive, f"it holds no file {name} of {size} bytes")


def unzip(archive: Path, folder: Path, names: Iterable[str]) -> None:
    """Write those members of a .zip that `folder` lacks; whatever else the archive holds is left alone.

    Args:
        archive: the file to read.
        folder: where the members go, each complete or not at all.
        names: of each file that is wanted, in the archive and in the folder.

    Raises:
        InputError: if the archive is damaged or lacks a member.
    """
    with reading(archive), TemporaryDirectory(dir=folder) as temporary, zipfile.ZipFile(archive) as zipped:
        for name in (name for name in names if not (folder / name).exists()):
            if name not in zipped.namelist():
                raise damaged(archive, f"it holds no file {name}")
            partial, path = Path(temporary, "member"), folder / name
            with zipped.open(name) as stream, partial.open("wb") as file:
                shutil.copyfileobj(stream, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(path)


def damaged(path: Path, what: str) -> InputError:
    """The error for a file in the data folder that is not what it should be."""
    return InputError(f"{path} is damaged: {what}; delete it to download it anew")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Reading of a file, with one clear line for whatever goes wrong.

    Raises:
        InputError: if the file cannot be opened, is not compressed as it should be, or is cut short.
    """
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise damaged(path, shorten(str(error), 200)) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error


@contextmanager
def official(path: Path) -> Iterator[None]:
    """Understanding of an official file: where its content is not as it should be, the file is damaged."""
    try:
        yield
    except InputError as error:
        raise damaged(path, str(error).removeprefix(str(path)).lstrip(": ")) from error


def class_indices(path: Path, name: str, values: object, rows: int, classes: int) -> Tensor:
    """The labels (rows,) that were read from a file, as class indices.

    Raises:
        InputError: if they are anything else.
    """
    if not (isinstance(values, np.ndarray) and values.shape == (rows,) and values.dtype.kind in "iu"):
        raise damaged(path, f"its {name} are not {rows} whole numbers")
    if values.min() < 0 or values.max() >= classes:
        raise damaged(path, f"its {name} run from {values.min()} to {values.max()}, not from 0 to {classes - 1}")
    return torch.from_numpy(values.astype(np.int64))


class DownloadBar:
    """Bytes that come, as pooch tells a bar of them, drawn on standard error where that is a terminal."""

    def __init__(self, name: str, total: int = 0) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self.task = self.bar.add_task(name, total=None)
        self.total = total

    def update(self, count: int) -> None:
        """So many more bytes have come."""
        self.bar.start()  # not before, so that the line which pooch prints first stays whole
        self.bar.update(self.task, total=self.total or None, advance=count)

    def reset(self) -> None:
        """Begin anew."""
        self.bar.reset(self.task)

    def close(self) -> None:
        """Take the bar away."""
        self.bar.stop()
