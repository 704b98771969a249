"""The registry of kinds of noise: to add a kind, decorate a function with `@noise`."""

import inspect
from collections.abc import Callable

from ...bench.registry.arguments import Registered
from ...bench.registry.registry import Registry, name_of
from .rows import Rows


class Noise(Registered):
    """A kind of noise: a function `(rows, rng, *, rate, ...) -> rows` that changes some of the clean rows."""

    @property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """The parameters after the rows and the generator."""
        return dict(list(inspect.signature(self.function).parameters.items())[2:])


NOISES: Registry[Noise] = Registry("kind of noise", "influence_bench.datasets.noise")


def noise(function: Callable[..., Rows]) -> Callable[..., Rows]:
    """Register a kind of noise under the name of its function."""
    NOISES.add(Noise(name_of(function), function))
    return function
