"""Sources: a dataset's rows before they are split, and the registry of the loaders that read them."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from ..bench.problem.examples import Examples
from ..bench.problem.texts import Texts
from ..bench.registry.arguments import Registered
from ..bench.registry.registry import Registry, name_of

Kind = Literal["table", "image", "text", "generation"]


@dataclass(frozen=True)
class Source:
    """All rows of a dataset with their true labels, and the labels that people gave where the data has them.

    Args:
        x: float features (n, d); uint8 images (n, channels, height, width), which `load` scales to [0, 1]; or texts.
        y: true class indices (n,); -1 where the human label is known to be wrong, but the right label is not known.
        classes: the names of the classes.
        test: the official test split; without it, `load` holds out a quarter of the rows.
        valid: the official validation split; without it, `load` holds out a tenth of the rows, at most 1,000.
        human: labels (n,) that people gave, by the name of the noise.
        standardize: whether `load` brings each feature or channel to mean 0 and deviation 1 over the training rows.
    """

    x: Tensor | Texts
    y: Tensor
    classes: tuple[str, ...]
    test: Examples | None = None
    valid: Examples | None = None
    human: Mapping[str, Tensor] = field(default_factory=dict)
    standardize: bool = False


@dataclass(frozen=True)
class Loader(Registered):
    """A registered dataset: the function that reads it, and its facts. `dataset` explains each field."""

    kind: Kind
    source: str
    licence: str
    citation: str
    human: tuple[str, ...]
    downloads: bool

    @property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """Every parameter of the function except the seed."""
        return {name: parameter for name, parameter in super().arguments.items() if name != "seed"}

    def read(self, seed: int, **given: Any) -> Source:
        """Read all rows; a generated dataset draws them with the seed."""
        seeded = {"seed": seed} if "seed" in super().arguments else {}
        source: Source = self.function(**seeded, **given)
        return source


DATASETS: Registry[Loader] = Registry("dataset", "influence_bench.datasets")


def dataset(
    *, kind: Kind, source: str, licence: str, citation: str, human: tuple[str, ...] = (), downloads: bool = False
) -> Callable[[Callable[..., Source]], Callable[..., Source]]:
    """Register a function `(**arguments) -> Source`; a function that generates its data also takes the `seed`.

    Args:
        kind: table, image, text or generation; the rows of a generation dataset are prompts with their answers.
        source: where the data comes from.
        licence: the licence of the data.
        citation: the publication that users of the data should cite.
        human: the names of the human label noise that the data carries.
        downloads: whether the function downloads files that the data folder lacks.
    """

    def register(function: Callable[..., Source]) -> Callable[..., Source]:
        DATASETS.add(Loader(name_of(function), function, kind, source, licence, citation, human, downloads))
        return function

    return register
