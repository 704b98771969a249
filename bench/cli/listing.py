"""The commands `list` and `show`: what there is to choose from."""

from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import typer
from rich.console import Console
from rich.markdown import Markdown

from ..catalogue import lists as catalogue
from ..catalogue.pages import all_pages, markdown
from ..registry.method import find_method
from .console import AsJson, Plugins, load_plugins, print_table

COLUMNS = {  # those that fit a terminal; --json prints all
    "methods": ["method", "family", "uses", "package", "cost", "idea"],
    "datasets": ["dataset", "kind", "human noise", "licence", "source", "idea"],
    "noises": ["noise", "arguments", "idea"],
    "suites": ["suite", "rows", "seeds", "cells", "title"],
    "models": ["model", "epochs", "optimizer", "idea"],
}


def list_(
    what: Annotated[Literal["methods", "datasets", "noises", "suites", "models"], typer.Argument(help="What to list.")],
    as_json: AsJson = False,
    plugin: Plugins = None,
) -> None:
    """List methods, datasets, kinds of noise, suites or models."""
    load_plugins(plugin)
    frame: pd.DataFrame = getattr(catalogue, what)()
    if as_json:
        print(frame.to_json(orient="records", indent=1, force_ascii=False))
    else:
        print_table(frame[COLUMNS[what]])


def show(
    methods: Annotated[list[str] | None, typer.Argument(metavar="[METHOD]...", help="By name; default all.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the page as Markdown to this file.")] = None,
    plugin: Plugins = None,
) -> None:
    """Explain methods: when to use each, needs, cost and source."""
    load_plugins(plugin)
    text = "\n".join(markdown(find_method(name)) for name in methods) if methods else all_pages()
    if out is None:
        Console().print(Markdown(text))
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        print(f"Page: {out}")
