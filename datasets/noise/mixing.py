"""Noise by name: `symmetric`, `confusion[matrix=[[0.9,0.1],[0.3,0.7]]]`, or several kinds joined with `+`.

Kinds apply from left to right, and each changes rows that are still clean. So the counts are exact, and no row counts
twice.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...bench.errors import InputError, unknown
from ...bench.registry.arguments import bracketed, pieces
from .kinds import NOISES
from .rows import Rows


def parse_noise(text: str, rate: float | None, human: Collection[str], dataset: str) -> dict[str, dict[str, Any]]:
    """Read a text like `symmetric+duplicates[rate=0.1]` as the arguments of each kind; `none` gives no kind.

    Args:
        text: kinds, joined with `+`.
        rate: the rate of every kind without a rate in brackets.
        human: the kinds of human noise that the dataset carries.
        dataset: the name of the dataset, for messages.

    Raises:
        InputError: if a kind or an argument is unknown, a kind occurs twice, a rate is missing, not used or out of
            range, or the sum of the rates is above 1.
    """
    kinds: dict[str, dict[str, Any]] = {}
    for part in [] if text == "none" else pieces(text, "+") or [text]:
        name, values = bracketed(part, "kind of noise")
        if name not in NOISES.all() and name not in human:
            raise unknown(f"noise for {dataset}", name, ["none", *NOISES.all(), *human])
        if name in kinds:
            raise InputError(f"noise='{text}' has {name} twice: write it once, with the sum of the two rates")
        if name in human:
            if kinds or values:
                raise InputError(f"noise='{text}': human noise stands first and takes no arguments, as in {name}+...")
            kinds[name] = {}
        else:
            values = values if rate is None else {"rate": str(rate)} | values
            kinds[name] = NOISES.find(name).typed(values)
    rates = [arguments["rate"] for arguments in kinds.values() if arguments.get("rate") is not None]
    for share in rates:
        if not 0 <= share < 1:
            raise InputError(f"rate={share} is out of range: a share of the rows, at least 0 and below 1")
    if rate and rate not in rates:
        raise InputError(f"rate={rate} is not used by noise='{text}': leave it out")
    if sum(rates) > 1 + 1e-9:
        raise InputError(f"the rates of noise='{text}' have the sum {sum(rates):g}: lower them to a sum of at most 1")
    return kinds


def inject(
    kinds: Mapping[str, Mapping[str, Any]], rows: Rows, human: Mapping[str, Tensor], rng: np.random.Generator
) -> tuple[Rows, dict[str, NDArray[np.bool_]]]:
    """Put noise on clean rows; return the noisy rows, and for each kind which rows it changed, bool (n,).

    Args:
        kinds: the arguments of each kind, as `parse_noise` returns them.
        rows: clean rows.
        human: labels (n,) that people gave, by the kind of human noise.
        rng: draws which rows change, and how.

    Raises:
        InputError: if a kind does not fit the rows, or too few rows are clean.
    """
    changed = {}
    for name, arguments in kinds.items():
        before = rows.clean
        rows = rows.relabelled(human[name]) if name in human else NOISES.find(name).function(rows, rng, **arguments)
        changed[name] = before & ~rows.clean
    return rows, changed
