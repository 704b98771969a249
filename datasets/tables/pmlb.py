"""The classification datasets of PMLB, by name."""

import tomllib
from pathlib import Path

from ...bench.errors import unknown
from ..files.checks import official
from ..files.download import data_folder, fetch
from ..source import Source, dataset
from .columns import table_source
from .table_file import read_table

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
        checksums = tomllib.loads(CHECKSUMS.read_text())
        if name not in checksums:
            raise unknown("classification dataset of PMLB", name, checksums)
        path = fetch(f"pmlb/{name}.tsv.gz", f"{URL}/{name}/{name}.tsv.gz", checksums[name])
    with official(path):
        return table_source(read_table(path, "target"), "target", path)
