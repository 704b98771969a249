"""The commands `influence-bench bench ...`: the gradient engine's speed and the recipes' accuracy on this machine."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..files import write_json
from ..progress import progress

bench = typer.Typer(
    help="Time the gradient engine on this machine, and test the models' recipes.", rich_markup_mode=None
)


@bench.command()
def engine(
    networks: Annotated[
        str | None, typer.Option(help="Which of mlp, small-resnet, transformer and resnet-18; default all.")
    ] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Calls of each work that count.")] = None,
    with_peers: Annotated[
        bool, typer.Option("--peers", help="Also time other libraries, those that are installed.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Also write every figure to this file.")] = None,
) -> None:
    """Time works in forward passes and epochs, and hold them to goals."""
    from ..speed import table as tables  # with the gradient engine, which a listing need not wait for
    from ..speed.comparison import Comparison, beside
    from ..speed.times import Measured, measured
    from ..speed.works import NETWORKS, network

    chosen = [network(name) for name in (networks.replace(",", " ").split() if networks else NETWORKS)]
    chosen = [replace(one, repeats=repeats or one.repeats) for one in chosen]
    console = Console()
    found: list[Measured] = []
    compared: dict[str, list[Comparison]] = {}
    if json is not None:
        write_json(json, tables.as_json([], {}))  # a file that cannot be written is known of now
    for one in chosen:
        with progress(f"timing {one.name}") as told:
            found.append(measured(one, told))
            compared[one.name] = beside(one, told) if with_peers else []
        tables.print_measured(found[-1], compared[one.name], console)
        if json is not None:
            write_json(json, tables.as_json(found, compared))
    tables.print_notes(found, with_peers, console)


@bench.command()
def scaling() -> None:
    """Time growing numbers of rows and of parameters."""
    from ..speed.scaling import over_parameters, over_rows
    from ..speed.table import print_scaling

    for grow in (over_rows, over_parameters):
        with progress("scaling") as told:
            found = grow(told)
        print_scaling(found, Console())


@bench.command()
def recipes(
    datasets: Annotated[str | None, typer.Option(help="Which of digits, fashion-mnist and cifar10n.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 1,
) -> None:
    """Train the small models on clean labels, and hold their test accuracy to goals."""
    from ..training.goals import reached

    for goal, accuracy in reached(datasets.replace(",", " ").split() if datasets else None, seeds):
        verdict = "reached" if accuracy >= goal.accuracy else "MISSED"
        print(f"{goal.model} on {goal.dataset}: test accuracy {accuracy:.4f}, goal {goal.accuracy:.2f} {verdict}")
