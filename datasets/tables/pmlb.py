"""The classification sets of PMLB, by name."""

import tomllib
from pathlib import Path

from ...bench.errors import unknown
from ..dataset import Source, dataset
from ..files.download import data_folder, fetch, official
from .own_table import read_table, source

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
    """One of the 146 classification sets of PMLB, all columns numbers."""
    path = data_folder() / "pmlb" / f"{name}.tsv"
    if Path(name).name != name or not path.exists():
        checksums = tomllib.loads(CHECKSUMS.read_text())
        if name not in checksums:
            raise unknown("classification set of PMLB", name, checksums)
        path = fetch(f"pmlb/{name}.tsv.gz", f"{URL}/{name}/{name}.tsv.gz", checksums[name])
    with official(path):
        return source(read_table(path, "target"), "target", path)
