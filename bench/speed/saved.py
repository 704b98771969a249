"""Saved runs of the pytest-benchmark suite, and the comparison of two: which benchmarks are slower, which faster."""

from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import InputError, unknown
from ..files import read_json

FOLDER = Path(".benchmarks")
FEWEST_EPOCHS = 0.01  # the file rounds epochs to three decimals, too coarse for fewer


def saved(name: str, folder: Path = FOLDER) -> Path:
    """The file of a saved run.

    Args:
        name: a path; or `NUMBER`, `NAME` or `NUMBER_NAME`, as pytest-benchmark names files, the latest of several.
        folder: where pytest-benchmark saves.

    Raises:
        InputError: with the nearest names, if there is no such run.
    """
    if Path(name).is_file():
        return Path(name)
    names: dict[str, Path] = {}
    for file in sorted(folder.rglob("*.json"), key=lambda file: (file.name, file.stat().st_mtime)):
        names |= dict.fromkeys((file.stem, *file.stem.split("_", 1)), file)
    if not names:
        raise InputError(
            f"there is no file {name}, and {folder} holds no saved benchmark run: make one with "
            "pytest tests/benchmarks --benchmark-enable --benchmark-save=NAME"
        )
    if name not in names:
        raise unknown("saved benchmark run", name, (known for known in names if not known.isdigit()))
    return names[name]


def read(file: Path) -> pd.DataFrame:
    """Read a saved run.

    Returns:
        Columns seconds, the median, and epochs, the same in training epochs, NaN if the run does not note them; the
        index is the benchmark's name.

    Raises:
        InputError: if the file is not a run that pytest-benchmark has saved.
    """
    try:
        rows = [_row(benchmark) for benchmark in read_json(file)["benchmarks"]]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file} is not a run that pytest-benchmark saved, or it is damaged: save it anew") from error
    if not rows:
        raise InputError(f"{file} holds no benchmarks: save the run anew with --benchmark-enable")
    frame = pd.DataFrame(rows).set_index("benchmark")
    if not frame.index.is_unique:
        raise InputError(f"{file} holds the benchmark {frame.index[frame.index.duplicated()][0]} twice: save it anew")
    return frame


def compare(before: pd.DataFrame, after: pd.DataFrame, threshold: float = 1.2) -> pd.DataFrame:
    """Compare the benchmarks of two runs.

    Times are in training epochs, which survive a change of machine, since each epoch is measured in the same process
    as the benchmark; in median seconds where a run has no epochs.

    Args:
        before: a run, as `read` returns it.
        after: another.
        threshold: ratio from which a benchmark counts as slower, and its inverse as faster.

    Returns:
        Columns benchmark, before, after, unit, ratio (after / before) and verdict: slower, same, faster, new or gone;
        the highest ratio first.

    Raises:
        InputError: if the threshold is not above 1.
    """
    if not (threshold > 1 and isfinite(threshold)):
        raise InputError(f"threshold={threshold:g} is out of range: give a ratio above 1")
    both = before.merge(after, how="outer", left_index=True, right_index=True, suffixes=("_before", "_after"))
    epochs = both[["epochs_before", "epochs_after"]]
    usable = ((epochs >= FEWEST_EPOCHS) | both[["seconds_before", "seconds_after"]].isna().to_numpy()).all(axis=1)
    frame = pd.DataFrame(
        {side: both[f"epochs_{side}"].where(usable, both[f"seconds_{side}"]) for side in ("before", "after")}
    )
    frame["unit"] = usable.map({True: "epochs", False: "seconds"})
    frame["ratio"] = frame["after"] / frame["before"]
    frame["verdict"] = "same"
    frame.loc[frame["ratio"] >= threshold, "verdict"] = "slower"
    frame.loc[frame["ratio"] <= 1 / threshold, "verdict"] = "faster"
    frame.loc[frame["before"].isna(), "verdict"] = "new"
    frame.loc[frame["after"].isna(), "verdict"] = "gone"
    frame = frame.rename_axis("benchmark").reset_index()
    return frame.sort_values(["ratio", "benchmark"], ascending=[False, True], ignore_index=True)


def _row(benchmark: dict[str, Any]) -> dict[str, Any]:
    seconds = float(benchmark["stats"]["median"])
    epochs = float((benchmark.get("extra_info") or {}).get("epochs", "nan"))
    if not (seconds > 0 and isfinite(seconds)) or epochs < 0:
        raise ValueError
    return {"benchmark": str(benchmark["fullname"]), "seconds": seconds, "epochs": epochs}
