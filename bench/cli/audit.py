"""The commands `audit` and `score`: data of the user's own, with the most suspect rows first."""

import warnings
from pathlib import Path
from textwrap import shorten
from typing import Annotated

import typer

from ...datasets.tables.table_file import form_of, is_compressed
from ...reports.audit.page import audit_page
from ..audit.audit import audit as audited
from ..audit.cleaned import write_cleaned
from ..audit.ranking import yours
from ..audit.score_table import OURS, score_table
from ..audit.spreadsheet import write_suspects
from ..errors import InputError, Note
from ..files import write_bytes
from ..records import write
from ..registry.method import METHODS
from .console import Plugins, fitting, load_plugins, notes_in_lines, print_table

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
    first = list(OURS)
    first.insert(3, yours(label, OURS))
    others = [] if out is not None else [name for name in ranked.columns if name not in first]
    few = ranked[[*first, *others]].head(20 if out is None else 10)
    few = few.map(lambda cell: shorten(cell, 60, placeholder=" ...") if isinstance(cell, str) else cell)
    shown = fitting(few.iloc[:, :MOST_COLUMNS], len(first))
    print_table(few[shown])
    if out is not None:
        write_suspects(ranked, out)
        print(f"All {len(ranked)} rows, the most suspect first: {out}")
    elif left_out := ranked.shape[1] - len(shown):
        print(f"{left_out} more columns are not shown: --out FILE writes all rows and columns")


def audit(
    data: Annotated[Path, typer.Argument(help="A table, a folder of images by class, or arrays in .npz.")],
    label: Annotated[str, typer.Option(help="The column of labels; of .npz the array, default y.")] = "",
    text: Annotated[str, typer.Option(help="The column of texts; without it, models read all columns.")] = "",
    image: Annotated[str, typer.Option(help="The column of paths of images, relative to the file.")] = "",
    probabilities: Annotated[
        Path | None, typer.Option(help="Class probabilities by a model of your own: .npy, or CSV with a header.")
    ] = None,
    method: Annotated[str, typer.Option(help="name or name[key=value,...]; default the best on planted errors.")] = "",
    model: Annotated[str, typer.Option(help="The model that --method scores.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Plant nothing; take the usual choice.")] = False,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    out: Annotated[Path, typer.Option(help="The folder to write; with --apply, the file.")] = Path("audit"),
    apply: Annotated[
        Path | None, typer.Option(help="decisions.csv from the page: write a cleaned copy of the data to --out.")
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Find the rows of your own data whose labels are probably wrong, and look at them on a page."""
    load_plugins(plugin)
    if apply is not None:
        with notes_in_lines():
            kept, total = write_cleaned(data, label, apply, out)
        print(f"{kept} of {total} rows, cleaned: {out}")
        return
    files = {name: out / name for name in ("audit.json", "suspects.csv", "index.html")}
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; name a folder")
    if data.resolve() in {file.resolve() for file in files.values()}:
        raise InputError(f"--out {out} would overwrite {data}; name another folder")
    with notes_in_lines():
        result = audited(
            data, label, text, image, probabilities=probabilities, method=method, model=model, quick=quick, seed=seed
        )
        record, table = result.record, result.suspects
        for note in record.notes:
            warnings.warn(note, Note, stacklevel=2)
    write(record, files["audit.json"])
    write_suspects(table, files["suspects.csv"])
    write_bytes(files["index.html"], audit_page(record).encode("utf-8", "replace"))
    print_table(table[["rank", "file" if "file" in table else "row", "given", "suggested", "probability"]].head(10))
    print(f"Ranked by {record.method}. {record.chosen}")
    if record.wrong is not None:
        value, low, high = (round(figure) for figure in (record.wrong.value, record.wrong.low, record.wrong.high))
        print(f"Wrong, or hard to tell from wrong: {value:,} of {record.rows:,} labels [{low:,}, {high:,}].")
    print(f"All rows: {files['suspects.csv']}\nLook at them: {files['index.html']}")


def _check_out(out: Path, inputs: list[Path]) -> None:
    if out.is_dir():
        raise InputError(f"--out {out} is a folder; give the name of a file, as in {out / 'suspects.csv'}")
    if form_of(out.name) != "CSV" or is_compressed(out.name):
        raise InputError(f"--out {out} would be CSV; give a name that ends in .csv")
    if any(
        out.resolve() == file.resolve() or (out.exists() and file.exists() and out.samefile(file)) for file in inputs
    ):
        raise InputError(f"--out {out} is an input file; choose another name")
