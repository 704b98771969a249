"""The commands `speed ...`: the gradient engine's speed on this machine, and benchmarks before and after a change."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..files import write_json
from ..instruments import accelerator
from ..progress import progress
from ..speed import saved as benchmarks
from ..speed.comparison import Comparison, compare_peers
from ..speed.figures import figures
from ..speed.networks import NETWORKS, network
from ..speed.printout import print_measurement, print_notes, print_scaling
from ..speed.scaling import over_parameters, over_rows
from ..speed.times import Measurement, measure
from .console import SEVERAL, Device, print_table, split

speed = typer.Typer(help="Time the gradient engine, or compare saved benchmark runs.", rich_markup_mode=None)


@speed.command()
def engine(
    networks: Annotated[
        str | None, typer.Option(help=f"Which of {', '.join(NETWORKS)}; default all. {SEVERAL}")
    ] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Calls of each work that count.")] = None,
    device: Device = "cpu",
    with_peers: Annotated[
        bool, typer.Option("--peers", help="Also time other libraries, those that are installed.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Also write every figure to this file.")] = None,
) -> None:
    """Time the engine's works and compare them with goals.

    Times are CPU seconds, of a GPU wall seconds, and ratios to a forward pass and to a training epoch.
    """
    place = str(accelerator.device(device))
    chosen = [network(name) for name in split(networks) or NETWORKS]
    chosen = [replace(entry, repeats=repeats or entry.repeats, device=place) for entry in chosen]
    console = Console()
    measurements: list[Measurement] = []
    comparisons: dict[str, list[Comparison]] = {}
    if json is not None:
        write_json(json, figures([], {}))  # a file that cannot be written is an error now, not after the work
    for entry in chosen:
        with progress(f"timing {entry.name}") as shown:
            measurements.append(measure(entry, shown))
            comparisons[entry.name] = compare_peers(entry, shown) if with_peers else []
        print_measurement(measurements[-1], comparisons[entry.name], console)
        if json is not None:
            write_json(json, figures(measurements, comparisons))
    print_notes(measurements, with_peers, console)


@speed.command()
def scaling() -> None:
    """Time growing numbers of rows and of parameters."""
    for grow in (over_rows, over_parameters):
        with progress("scaling") as shown:
            growth = grow(shown)
        print_scaling(growth, Console())


@speed.command()
def compare(
    before: Annotated[str, typer.Argument(help="A saved benchmark run: its file, or its name under .benchmarks.")],
    after: Annotated[str, typer.Argument(help="A later one.")],
    threshold: Annotated[float, typer.Option(help="Ratio from which a benchmark has become slower.")] = 1.2,
) -> None:
    """Compare two saved runs of tests/benchmarks.

    The exit status is 1 if any benchmark has become slower.
    """
    first, second = (benchmarks.read(benchmarks.saved(name)) for name in (before, after))
    frame = benchmarks.compare(first, second, threshold)
    frame["benchmark"] = frame["benchmark"].map(lambda name: name.partition("::")[2] or name)
    print_table(frame.astype(object).fillna("-"))
    for verdict in ("faster", "new", "gone", "slower"):
        names = frame["benchmark"][frame["verdict"] == verdict]
        if len(names):
            print(f"{verdict} ({len(names)}): {', '.join(names)}")
    if (frame["verdict"] == "slower").any():
        raise SystemExit(1)
    print(f"Nothing has become slower by a factor of {threshold:g}.")
