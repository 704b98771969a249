"""Classification datasets of OpenML, by number or by name."""

import warnings
from http.client import HTTPException
from pathlib import Path
from textwrap import shorten

import pandas as pd
from rich.console import Console
from sklearn.datasets import fetch_openml

from ...bench.errors import InputError
from ..files.download import data_folder
from ..source import Source, dataset
from .one_hot import table_source


@dataset(
    kind="table",
    source="https://www.openml.org",
    licence="each set its own, mostly CC BY 4.0",
    citation="Vanschoren et al. 2014, OpenML: Networked Science in Machine Learning, and each set's own",
    downloads=True,
)
def openml(id: int | None = None, name: str | None = None, version: int | None = None) -> Source:
    """A classification dataset of OpenML: its columns of numbers and of categories.

    Columns of free text are left out. The median of the column replaces a missing number, and a further column marks
    the rows with a missing number.

    Args:
        id: the dataset's number in OpenML; give either the number or the name.
        name: the dataset's name in OpenML.
        version: version of the named dataset; default the oldest active version.

    Raises:
        InputError: if both or neither of number and name are given, OpenML does not answer or has no such dataset, or
            it is not a classification dataset.
    """
    if (id is None) == (name is None):
        raise InputError("openml needs either a number or a name: write openml[id=31] or openml[name=...]")
    asked = f"OpenML's dataset {id if name is None else name}"
    try:
        with Console(stderr=True).status(f"Asking for {asked}"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A network error")  # it tries again, and fails below
            fetched = fetch_openml(
                name=name, data_id=id, version=version or "active", data_home=data_folder(), parser="pandas",
                as_frame=True,
            )  # fmt: skip
    except (OSError, ValueError, HTTPException) as error:
        raise InputError(
            f"{asked} cannot be downloaded: {shorten(str(error), 200)}; check that www.openml.org is up and has it"
        ) from error
    target = fetched.target
    if not (isinstance(target, pd.Series) and isinstance(target.dtype, pd.CategoricalDtype)):
        raise InputError(f"{asked} has no single column of classes to predict: it is not a classification dataset")
    table = filled(fetched.data.select_dtypes(["number", "category", "bool"]))
    return table_source(table.assign(**{str(target.name): target.astype("string")}), str(target.name), Path(asked))


def filled(table: pd.DataFrame) -> pd.DataFrame:
    """Replace missing numbers by the column's median, and add a column of 0 and 1 for each column with missing ones."""
    numbers = table.select_dtypes("number")
    holes = numbers.loc[:, numbers.isna().any()]
    lacking = holes.isna().astype(float).add_suffix(" is lacking")
    return table.assign(**holes.fillna(holes.median()), **lacking)
