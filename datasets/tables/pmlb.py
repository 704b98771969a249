"""The classification datasets of PMLB, by name."""

import tomllib
from pathlib import Path

import pandas as pd

from ...bench.errors import unknown
from ..files.checks import damaged, official, reading
from ..files.download import data_folder, fetch
from ..source import Source, dataset
from .one_hot import table_source

URL = "https://github.com/EpistasisLab/pmlb/raw/7c1f4bdc00136dc2e55c87fa6b8ba6e8af6d1a68/datasets"
CHECKSUMS = Path(__file__).with_suffix(".toml")


@dataset(
    kind="table",
    source="https://github.com/EpistasisLab/pmlb",
    licence="MIT; each set its own",
    citation="Romano et al. 2022, PMLB v1.0: an open-source dataset collection for benchmarking",
    downloads=True,
)
def pmlb(name: str) -> Source:
    """One of the 146 classification datasets of PMLB; every column holds numbers.

    Args:
        name: the dataset's name in PMLB.

    Raises:
        InputError: if PMLB has no such dataset, or its file is damaged or cannot be downloaded.
    """
    path = data_folder() / "pmlb" / f"{name}.tsv"
    if Path(name).name != name or not path.exists():
        checksums = tomllib.loads(CHECKSUMS.read_text("utf-8"))
        if name not in checksums:
            raise unknown("classification dataset of PMLB", name, checksums)
        path = fetch(f"pmlb/{name}.tsv.gz", f"{URL}/{name}/{name}.tsv.gz", checksums[name])
    table = _rows(path)
    with official(path):
        return table_source(table, "target", path)


def _rows(path: Path) -> pd.DataFrame:
    try:
        with reading(path):
            table = pd.read_csv(path, sep="\t", low_memory=False)
    except ValueError as error:
        raise damaged(path, " ".join(str(error).split())) from error
    if "target" not in table:
        raise damaged(path, "it has no column 'target'")
    return table
