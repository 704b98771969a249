"""The command `score`: a table of the user's own, ranked."""

from pathlib import Path
from typing import Annotated

import typer

from ..audit.suspects import score_table, write_table
from ..errors import InputError
from ..registry.method import METHODS
from .console import Plugins, load_plugins, print_table


def score(
    data: Annotated[Path, typer.Option(help="A CSV, TSV or Parquet file with a header.")],
    label: Annotated[str, typer.Option(help="The column of labels.")],
    method: Annotated[str, typer.Option(help="name or name[key=value,...]")] = "outlier-gradient",
    out: Annotated[Path | None, typer.Option(help="Where to write the ranked rows, as CSV.")] = None,
    valid: Annotated[Path | None, typer.Option(help="A file of the same columns with trusted labels.")] = None,
    model: Annotated[str, typer.Option(help="The model to train on the table.")] = "mlp",
    seed: Annotated[int, typer.Option(help="Of training and method.")] = 0,
    plugin: Plugins = None,
) -> None:
    """Rank the rows of your own table, most suspect first."""
    load_plugins(plugin)
    if out is not None and out.resolve() in {data.resolve(), valid.resolve() if valid else None}:
        raise InputError(f"--out {out} is an input file; choose another name")
    entry, hyperparameters = METHODS.parse(method)
    ranked = score_table(data, label, entry.name, model, valid, seed, hyperparameters)
    if out is None:
        print_table(ranked.head(20))
    else:
        write_table(ranked, out)
        print_table(ranked[["rank", "row", "score", label, "predicted"]].head(10))
        print(f"All {len(ranked)} rows, the most suspect first: {out}")
