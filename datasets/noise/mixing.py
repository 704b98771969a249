"""Noise by name: `symmetric`, `confusion[matrix=[[0.9,0.1],[0.3,0.7]]]`, or several kinds joined with `+`.

Kinds apply from left to right, each to rows that are still clean: the counts are exact, and no row counts twice.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...bench.errors import InputError, unknown
from ...bench.registry.arguments import bracketed, pieces
from .kinds import NOISES
from .label_noise import human
from .rows import Rows


def parse_noise(text: str, rate: float | None, human: Collection[str], dataset: str) -> dict[str, dict[str, Any]]:
    """The arguments of each kind in a text like `symmetric+duplicates[rate=0.1]`; no kind for `none`.

    Args:
        text: kinds, joined with `+`.
        rate: of every kind that has none of its own in brackets.
        human: the kinds of human noise that the dataset carries.
        dataset: its name, for messages.

    Raises:
        InputError: for an unknown kind or argument, one kind twice, a rate that is missing, not used or out of range,
            or rates whose sum is above 1.
    """
    kinds: dict[str, dict[str, Any]] = {}
    for part in [] if text == "none" else pieces(text, "+") or [text]:
        name, texts = bracketed(part, "kind of noise")
        if name not in NOISES.all() and name not in human:
            raise unknown(f"noise for {dataset}", name, ["none", *NOISES.all(), *human])
        if name in kinds:
            raise InputError(f"noise='{text}' has {name} twice: write it once, with the rate of both")
        if name in human:
            if kinds or texts:
                raise InputError(f"noise='{text}': human noise stands first and takes no arguments, as in {name}+...")
            kinds[name] = {}
        else:
            own = texts if rate is None else {"rate": str(rate)} | texts
            kinds[name] = NOISES.find(name).typed(own)
    rates = [arguments["rate"] for arguments in kinds.values() if arguments.get("rate") is not None]
    for one in rates:
        if not 0 <= one < 1:
            raise InputError(f"rate={one} is out of range: a share of the rows, at least 0 and below 1")
    if rate and rate not in rates:
        raise InputError(f"rate={rate} is not used by noise='{text}': leave it out")
    if sum(rates) > 1 + 1e-9:
        raise InputError(f"the rates of noise='{text}' have the sum {sum(rates):g}: at most 1")
    return kinds


def inject(
    kinds: Mapping[str, Mapping[str, Any]], rows: Rows, given: Mapping[str, Tensor], rng: np.random.Generator
) -> tuple[Rows, dict[str, NDArray[np.bool_]]]:
    """The rows with noise, and which rows each kind has changed, bool (n,).

    Args:
        kinds: as `parse_noise` returns them.
        rows: clean.
        given: labels (n,) of each kind of human noise.
        rng: draws the rows and what becomes of them.

    Raises:
        InputError: if a kind does not fit the rows, or too few of them are clean for it.
    """
    changed = {}
    for name, arguments in kinds.items():
        before = rows.clean
        rows = human(rows, given[name]) if name in given else NOISES.find(name).function(rows, rng, **arguments)
        changed[name] = before & ~rows.clean
    return rows, changed
