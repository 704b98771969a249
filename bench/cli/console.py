"""What commands share: options, the reading of their values, and tables on the terminal."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from ..registry.arguments import pieces
from ..registry.plugins import load_plugin
from ..results import specs

SEVERAL = "Several may be given, separated by spaces or commas outside brackets."
Plugins = Annotated[
    list[Path] | None, typer.Option("--plugin", help="A Python file that registers methods; repeatable.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Workers = Annotated[int | None, typer.Option(help="Processes at a time; default one per core.")]
Device = Annotated[str, typer.Option(help="Where to train and score: cpu, cuda or cuda:1.")]
Precision = Annotated[
    specs.Precision | None, typer.Option(help="Of models when rows are scored: half is bfloat16; default single.")
]
Full = Annotated[bool, typer.Option("--full", help="Take every row of the datasets, not the suite's subset.")]
Seeds = Annotated[int | None, typer.Option(help="How many seeds.")]
SuiteName = Annotated[str, typer.Argument(help="A suite's name, or a TOML file.")]


def load_plugins(plugins: list[Path] | None) -> None:
    """Import plug-in files."""
    for plugin in plugins or []:
        load_plugin(plugin)


def split(text: str | None) -> list[str] | None:
    """Split words at spaces and commas outside brackets; None stays None."""
    return None if text is None else pieces(text, ", ")


def duration(seconds: float) -> str:
    """Seconds in words: `40 s`, `12 min` or `3 h 5 min`."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 1 else "a second"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def notes_in_lines() -> Iterator[None]:
    """Print each warning of the block as one line on standard error, after the block."""
    with warnings.catch_warnings(record=True) as caught:
        yield
    for warning in caught:
        print("note:", *str(warning.message).split(), file=sys.stderr)


def fitting(frame: pd.DataFrame, first: int) -> list[str]:
    """The first columns, and as many of those after them as a line of the terminal holds."""
    left, names = Console().width, list(map(str, frame.columns))
    for place, name in enumerate(names):
        left -= 2 + max(len(text) for text in (name, *map(_shown, frame.iloc[:, place])))
        if place >= first and left < -2:  # there are no spaces after the last column
            return names[:place]
    return names


def print_table(frame: pd.DataFrame) -> None:
    """Print a frame as a table that fits the terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in frame.columns:
        numeric = pd.api.types.is_numeric_dtype(frame[column])
        table.add_column(str(column), justify="right" if numeric else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*map(_shown, row))
    Console(soft_wrap=False).print(table, markup=False)


def _shown(cell: object) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
