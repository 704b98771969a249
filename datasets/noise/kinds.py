"""Kinds of noise by name: `@noise` on a function is all that adding one takes."""

import inspect
from collections.abc import Callable

from ...bench.registry.arguments import Registered
from ...bench.registry.registry import Registry, name_of
from .rows import Rows


class Kind(Registered):
    """A kind of noise: a function `(rows, rng, *, rate, ...)` to the rows with some of the clean ones changed."""

    @property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """The parameters after the rows and the generator."""
        return dict(list(inspect.signature(self.function).parameters.items())[2:])


NOISES: Registry[Kind] = Registry("kind of noise", "influence_bench.datasets.noise")


def noise(function: Callable[..., Rows]) -> Callable[..., Rows]:
    """Register a kind of noise under the name of its function."""
    NOISES.add(Kind(name_of(function), function))
    return function
