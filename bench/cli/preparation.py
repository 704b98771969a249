"""The commands `download` and `recipes`: the data of a run is there, and its models learn."""

from typing import Annotated

import typer

from ...datasets.files.download import data_folder
from ...datasets.source import DATASETS
from ..training.goals import GOALS, reached
from .console import SEVERAL, split


def download(
    names: Annotated[list[str], typer.Argument(help="Datasets: name or name[key=value].")],
) -> None:
    """Download datasets, and read them whole to be sure of them."""
    asked = [DATASETS.parse(name) for name in names]
    for name, (loader, arguments) in zip(names, asked, strict=True):
        if not loader.downloads:
            print(f"{name} needs no download: {loader.source}")
            continue
        rows = len(loader.read(0, **arguments).y)
        print(f"{name}: {rows:,} rows to learn from, in {data_folder()}; licence: {loader.licence}")


def recipes(
    datasets: Annotated[str | None, typer.Option(help=f"Which of {', '.join(GOALS)}; default all. {SEVERAL}")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 1,
) -> None:
    """Train models on clean labels and compare accuracy with goals."""
    for goal, accuracy in reached(split(datasets), seeds):
        verdict = "reached" if accuracy >= goal.accuracy else "MISSED"
        print(f"{goal.model} on {goal.dataset}: test accuracy {accuracy:.4f}, goal {goal.accuracy:.2f} {verdict}")
