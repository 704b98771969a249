"""The data folder, and the download of files that it lacks."""

import os
from contextlib import closing
from pathlib import Path
from textwrap import shorten

import pooch
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ...bench.errors import InputError


def data_folder() -> Path:
    """The folder of data files: the value of INFLUENCE_BENCH_DATA, or else a folder in the user's cache."""
    return Path(os.environ.get("INFLUENCE_BENCH_DATA") or pooch.os_cache("influence-bench")).expanduser()


def fetch(name: str, url: str, checksum: str) -> Path:
    """Return the path of a file in the data folder, and download the file if it is missing.

    A file that exists is used without a check. A download gets its name only when it is complete and its checksum is
    right, so several processes may fetch the same file at once.

    Args:
        name: path of the file inside the data folder.
        url: where to download it from.
        checksum: what the download must have, as `md5:...` or `sha256:...`.

    Raises:
        InputError: if the file cannot be downloaded, or the download has another checksum.
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


class DownloadBar:
    """A progress bar in bytes, with the interface that pooch expects; drawn only if standard error is a terminal.

    Args:
        name: shown in front of the bar.
        total: number of bytes; 0 if it is not known.
    """

    def __init__(self, name: str, total: int = 0) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self.task = self.bar.add_task(name, total=None)
        self.total = total

    def update(self, count: int) -> None:
        """Advance the bar by `count` bytes."""
        self.bar.start()  # only now, because pooch prints a line before the first bytes arrive
        self.bar.update(self.task, total=self.total or None, advance=count)

    def reset(self) -> None:
        """Set the bar back to zero."""
        self.bar.reset(self.task)

    def close(self) -> None:
        """Remove the bar."""
        self.bar.stop()
