"""The commands `influence-bench list` and `influence-bench show`: what there is."""

from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from ..catalogue import lists as catalogue
from ..catalogue.pages import all_pages, markdown
from ..registry.method import find_method
from ..registry.plugins import load_plugin

Plugins = Annotated[
    list[Path] | None, typer.Option("--plugin", help="A Python file that registers methods; repeatable.")
]
LISTED = {  # the columns that fit a terminal; --json has them all
    "methods": ["method", "family", "uses", "package", "cost", "idea"],
    "datasets": ["dataset", "kind", "human noise", "licence", "source", "idea"],
    "noises": ["noise", "arguments", "idea"],
    "suites": ["suite", "rows", "seeds", "cells", "title"],
    "models": ["model", "epochs", "optimizer", "idea"],
}


def list_(
    what: Annotated[Literal["methods", "datasets", "noises", "suites", "models"], typer.Argument(help="What to list.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    plugin: Plugins = None,
) -> None:
    """List methods, datasets, kinds of noise, suites or models."""
    load_plugins(plugin)
    frame: pd.DataFrame = getattr(catalogue, what)()
    if as_json:
        print(frame.to_json(orient="records", indent=1, force_ascii=False))
    else:
        print_table(frame[LISTED[what]])


def show(
    methods: Annotated[list[str] | None, typer.Argument(metavar="[METHOD]...", help="By name; default all.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the page as Markdown to this file.")] = None,
    plugin: Plugins = None,
) -> None:
    """Explain methods: idea, when to use each, what it needs and costs, hyperparameters, source."""
    load_plugins(plugin)
    text = "\n".join(markdown(find_method(name)) for name in methods) if methods else all_pages()
    if out is None:
        Console().print(Markdown(text))
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        print(f"Page: {out}")


def load_plugins(plugins: list[Path] | None) -> None:
    """Import plug-ins by their files."""
    for plugin in plugins or []:
        load_plugin(plugin)


def print_table(frame: pd.DataFrame) -> None:
    """Print a frame as a table that fits the terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in frame.columns:
        numeric = pd.api.types.is_numeric_dtype(frame[column])
        table.add_column(str(column), justify="right" if numeric else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row))
    Console(soft_wrap=False).print(table, markup=False)
