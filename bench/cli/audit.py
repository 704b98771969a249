"""The command `score`: a table of the user's own, ranked."""

from pathlib import Path
from textwrap import shorten
from typing import Annotated

import typer

from ...datasets.tables.table_file import form_of, is_compressed
from ..audit.suspects import OURS, score_table, write_table, yours
from ..errors import InputError
from ..registry.method import METHODS
from .console import Plugins, load_plugins, notes_in_lines, print_table

MOST_COLUMNS = 10


def score(
    data: Annotated[Path, typer.Option(help="A table with a header: CSV, TSV, Excel, JSON lines or Parquet.")],
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
    if out is not None:
        _check_out(out, [file for file in (data, valid) if file is not None])
    entry, hyperparameters = METHODS.parse(method)
    with notes_in_lines():
        ranked = score_table(data, label, entry.name, model, valid, seed, hyperparameters)
    shown = list(OURS)
    shown.insert(3, yours(label))
    if out is None:
        shown += [name for name in ranked.columns if name not in shown][: MOST_COLUMNS - len(shown)]
    few = ranked[shown].head(20 if out is None else 10)
    print_table(few.map(lambda cell: shorten(cell, 60, placeholder=" ...") if isinstance(cell, str) else cell))
    if out is not None:
        write_table(ranked, out)
        print(f"All {len(ranked)} rows, the most suspect first: {out}")
    elif left_out := ranked.shape[1] - len(shown):
        print(f"{left_out} more columns are not shown: --out FILE writes all rows and columns")


def _check_out(out: Path, inputs: list[Path]) -> None:
    if out.is_dir():
        raise InputError(f"--out {out} is a folder; give the name of a file, as in {out / 'suspects.csv'}")
    if form_of(out.name) != "CSV" or is_compressed(out.name):
        raise InputError(f"--out {out} would be CSV; give a name that ends in .csv")
    if any(
        out.resolve() == file.resolve() or (out.exists() and file.exists() and out.samefile(file)) for file in inputs
    ):
        raise InputError(f"--out {out} is an input file; choose another name")
