"""Errors in the user's input, and notes that a result must be read with."""

from collections.abc import Iterable
from difflib import get_close_matches
from textwrap import shorten


class InputError(ValueError):
    """The input is wrong: one line that says what is wrong and how to mend it."""


class Note(UserWarning):
    """A warning that is stored with a cell's result and shown beside it."""


class NotConverged(Note):
    """An iterative method stopped before it converged. Its scores stand, with this note."""


class NotFinite(Note):
    """Some rows have no finite score. They rank as most suspect, and the others are scored without them."""


class FunctionalFallback(Note):
    """The gradients have no closed form here and come from `torch.func`, which is slower."""


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not registered, with the nearest names that are."""
    known = sorted(known)
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {shorten(', '.join(known), 1000)}"
    return InputError(f"there is no {kind} '{name}': {hint}")
