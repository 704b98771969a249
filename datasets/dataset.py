"""Datasets by name: `load` splits a source, puts noise on the training rows and keeps the truth aside.

This folder has no `__init__.py` on purpose: with one, it would shadow Hugging Face's `datasets` for whoever stands in
the root of the repository.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..bench.errors import InputError
from ..bench.problem.examples import Examples
from ..bench.problem.texts import Texts
from ..bench.registry.arguments import Registered
from ..bench.registry.registry import Registry, name_of
from .noise.mixing import inject, parse_noise
from .noise.rows import Rows
from .splitting import scaled, split

Kind = Literal["table", "image", "text", "generation"]
VALIDATION_SHARE, VALIDATION_MOST, TEST_SHARE = 0.1, 1000, 0.25


@dataclass(frozen=True)
class Source:
    """What a loader returns: all rows with their true labels, and human labels where the data has them.

    Args:
        x: float features (n, d); uint8 images (n, channels, height, width), which `load` scales to [0, 1]; or texts.
        y: true class indices (n,); -1 where the human label is known to be wrong, but not which would be right.
        classes: their names.
        test: the official test split; without one, a quarter of the rows is held out.
        valid: the official validation split; without one, a tenth of the rows, 1,000 at most, is held out.
        human: given labels (n,) by the name of the noise.
        standardize: whether features (or channels) get mean 0 and deviation 1 over the training rows.
    """

    x: Tensor | Texts
    y: Tensor
    classes: tuple[str, ...]
    test: Examples | None = None
    valid: Examples | None = None
    human: Mapping[str, Tensor] = field(default_factory=dict)
    standardize: bool = False


@dataclass(frozen=True)
class Dataset:
    """Training rows with noise, clean validation and test rows, and the truth that only the harness sees.

    Args:
        train: what methods see.
        valid: clean.
        test: clean.
        true_y: true classes (n,) of the training rows as they stand; -1 where the given label is known to be wrong, but
            not which would be right.
        classes: names.
        card: where the data comes from, its noise, the realised rates, the numbers of rows.
        detriments: which training rows each kind of noise has changed, bool (n,), by the kind's name; no row twice.
    """

    train: Examples
    valid: Examples
    test: Examples
    true_y: Tensor
    classes: tuple[str, ...]
    card: dict[str, Any]
    detriments: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def is_noisy(self) -> NDArray[np.bool_]:
        """Which training rows carry noise of any kind, bool (n,)."""
        noisy = np.zeros(len(self.train), dtype=bool)
        for changed in self.detriments.values():
            noisy |= changed
        return noisy

    @property
    def is_influential(self) -> NDArray[np.bool_]:
        """Which training row is of the class of which validation row, bool (n_train, n_valid)."""
        return (self.true_y[:, None] == self.valid.y).numpy()

    @property
    def truth(self) -> NDArray[np.bool_]:
        """What scores are held against: `is_influential` for prompts with their answers, else `is_noisy`."""
        return self.is_influential if self.card["kind"] == "generation" else self.is_noisy


@dataclass(frozen=True)
class Loader(Registered):
    """A registered dataset: the function that reads it and what is said of it."""

    kind: Kind
    source: str
    licence: str
    citation: str
    human: tuple[str, ...]
    downloads: bool

    @property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """Every parameter of the function but the seed."""
        return {name: parameter for name, parameter in super().arguments.items() if name != "seed"}

    def read(self, seed: int, **given: Any) -> Source:
        """All rows; a generated dataset is made with the seed."""
        own = {"seed": seed} if "seed" in super().arguments else {}
        source: Source = self.function(**own, **given)
        return source


DATASETS: Registry[Loader] = Registry("dataset", "influence_bench.datasets")


def dataset(
    *, kind: Kind, source: str, licence: str, citation: str, human: tuple[str, ...] = (), downloads: bool = False
) -> Callable[[Callable[..., Source]], Callable[..., Source]]:
    """Register a function `(**arguments) -> Source`; one that makes its data also takes the `seed`.

    Args:
        kind: table, image, text, or generation, of which the rows are prompts with their answers.
        source: where the data comes from.
        licence: of the data.
        citation: to give when it is used.
        human: names of the human label noise that the data carries.
        downloads: whether it takes files from the network where the data folder lacks them.
    """

    def register(function: Callable[..., Source]) -> Callable[..., Source]:
        DATASETS.add(Loader(name_of(function), function, kind, source, licence, citation, human, downloads))
        return function

    return register


def load(name: str, noise: str = "none", rate: float | None = None, seed: int = 0, size: int | None = None) -> Dataset:
    """Load a dataset, split it and put noise on its training rows; texts come from the shortest to the longest.

    Args:
        name: as `influence-bench list datasets` prints it, with its arguments: `pmlb[name=titanic]`.
        noise: `none`, a kind of noise, human noise that the dataset carries, or several of these, as in
            `worst+duplicates[rate=0.1]`; datasets/label_noise.py and datasets/corruption.py define them.
        rate: share of training rows, in [0, 1), for each kind with no rate in brackets; exactly round(rate × n) rows.
        seed: of the splits, the subset and the noise.
        size: training rows to keep, stratified by true class; default all.

    Raises:
        InputError: for an unknown name or noise, a rate or size out of range, or a file that is not what it should be.
    """
    loader, arguments = DATASETS.parse(name)
    kinds = parse_noise(noise, rate, loader.human, name)
    if kinds and loader.kind == "generation":
        raise InputError(f"{name} has no class labels for noise='{noise}' to change: its rows are prompts with answers")
    source = loader.read(seed, **arguments)
    rng = np.random.default_rng([seed, 1])
    rows = np.arange(len(source.y))
    if not kinds.keys() & source.human.keys():
        rows = rows[source.y.numpy() >= 0]  # the others have no true label to begin from
    if source.test is None:
        rows, held = split(rows, source.y, round(TEST_SHARE * len(rows)), rng)
        test = Examples(source.x[held], source.y[held])
    else:
        test = source.test
    if source.valid is None:
        rows, held = split(rows, source.y, min(VALIDATION_MOST, round(VALIDATION_SHARE * len(rows))), rng)
        valid = Examples(source.x[held], source.y[held])
    else:
        valid = source.valid
    if size is not None and size < len(rows):
        if size < 2 * len(source.classes):
            raise InputError(f"size={size} is too small for the {len(source.classes)} classes of {name}")
        _, rows = split(rows, source.y, size, rng)
    train = Examples(source.x[rows], source.y[rows])
    if isinstance(source.x, Texts):
        rows = rows[train.x.order()]
        train, valid, test = (part[part.x.order()] for part in (train, valid, test))
    else:
        train, valid, test = scaled(train, valid, test, standardize=source.standardize)
    clean = Rows(train.x, train.y, train.y, len(source.classes), np.ones(len(rows), dtype=bool))
    given = {kind: labels[rows] for kind, labels in source.human.items()}
    noisy, detriments = inject(kinds, clean, given, np.random.default_rng([seed, 2]))
    card = {
        "dataset": name, "kind": loader.kind, "source": loader.source, "licence": loader.licence,
        "citation": loader.citation, "noise": noise, "rate": float((~noisy.clean).mean()),
        "rates": {kind: float(mask.mean()) for kind, mask in detriments.items()}, "seed": seed,
        "rows": {"train": len(train), "valid": len(valid), "test": len(test)},
    }  # fmt: skip
    return Dataset(Examples(noisy.x, noisy.y), valid, test, noisy.true_y, source.classes, card, detriments)
