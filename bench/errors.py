"""Errors in the user's input, and notes that belong to a result."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from textwrap import shorten


class InputError(ValueError):
    """An error in the input; its message says in one line what is wrong and how to mend it."""


class Note(UserWarning):
    """A warning that is stored and shown with a cell's result."""


class NotConverged(Note):
    """An iterative method stopped before it converged; its last iterate gives the scores."""


class NotFinite(Note):
    """Some rows have no finite score: they rank as most suspect, and the others are scored without them."""


class FunctionalFallback(Note):
    """The gradients have no closed form here, so `torch.func` computes them, which is slower."""


def unknown(kind: str, name: str, known: Iterable[str], where: str = "") -> InputError:
    """The error for a name that is not among the known ones; it lists the nearest of these, or all if none is near.

    Args:
        kind: of the thing that has the name.
        name: that is not known.
        known: the known names.
        where: the place that lacks it, as in `in table.csv`.
    """
    known = sorted(known)
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {shorten(', '.join(known), 1000)}"
    return InputError(f"there is no {kind} '{name}'{where and ' ' + where}: {hint}")


def absent(place: Path) -> InputError:
    """The error for a file or a folder that does not exist."""
    if re.match(r"[A-Za-z][\w+.-]+:/", str(place)):  # a path has lost the second slash of an address
        return InputError(f"{place.name} is at an address, which is not read: download it, and name the file")
    if str(place) == "-":
        return InputError("- is no file; to read standard input, name /dev/stdin")
    return InputError(f"{place}: there is no such file or folder")
