"""Classification sets of OpenML, by number or by name."""

import warnings
from http.client import HTTPException
from pathlib import Path
from textwrap import shorten

import pandas as pd
from rich.console import Console
from sklearn.datasets import fetch_openml

from ...bench.errors import InputError
from ..dataset import Source, dataset
from ..files.download import data_folder
from .own_table import source


@dataset(
    kind="table",
    source="https://www.openml.org",
    licence="each set its own, mostly CC BY 4.0",
    citation="Vanschoren et al. 2014, OpenML: Networked Science in Machine Learning, and each set's own",
    downloads=True,
)
def openml(id: int | None = None, name: str | None = None, version: int | None = None) -> Source:
    """A classification set of OpenML, its numbers and its categories.

    Columns of free text are left out. Where a number lacks it is the column's median, and another column says so.

    Args:
        id: the number of the set, in place of a name.
        name: of the set.
        version: of the named set; default the oldest that is still active.
    """
    if (id is None) == (name is None):
        raise InputError("openml needs either the number or the name of a set: write openml[id=31] or openml[name=...]")
    asked = f"OpenML's set {id if name is None else name}"
    try:
        with Console(stderr=True).status(f"Asking for {asked}"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A network error")  # it tries again, and what it fails with is told below
            found = fetch_openml(
                name=name, data_id=id, version=version or "active", data_home=data_folder(), parser="pandas",
                as_frame=True,
            )  # fmt: skip
    except (OSError, ValueError, HTTPException) as error:
        raise InputError(
            f"{asked} cannot be had: {shorten(str(error), 200)}; see whether www.openml.org can be reached and has it"
        ) from error
    target = found.target
    if not (isinstance(target, pd.Series) and isinstance(target.dtype, pd.CategoricalDtype)):
        raise InputError(f"{asked} has no one column of classes to predict; it is not a classification set")
    table = filled(found.data.select_dtypes(["number", "category", "bool"]))
    return source(table.assign(**{str(target.name): target.astype("string")}), str(target.name), Path(asked))


def filled(table: pd.DataFrame) -> pd.DataFrame:
    """Columns of numbers with the median where one lacks, and for each such column another of 0 and 1."""
    numbers = table.select_dtypes("number")
    holes = numbers.loc[:, numbers.isna().any()]
    lacking = holes.isna().astype(float).add_suffix(" is lacking")
    return table.assign(**holes.fillna(holes.median()), **lacking)
