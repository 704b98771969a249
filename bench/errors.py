"""Errors in the user's input, and notes that belong to a result."""

from collections.abc import Iterable
from difflib import get_close_matches
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


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for an unregistered name; it lists the nearest registered names, or all if none is near."""
    known = sorted(known)
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {shorten(', '.join(known), 1000)}"
    return InputError(f"there is no {kind} '{name}': {hint}")
