"""`load`: a dataset by name, split and scaled, with noise on its training rows and the truth kept separately.

This folder has no `__init__.py` on purpose: with an `__init__.py` it would shadow Hugging Face's `datasets` for anybody
who runs Python in the root of the repository.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..bench.errors import InputError
from ..bench.problem.examples import Examples
from ..bench.problem.texts import Texts
from .noise.mixing import inject, parse_noise
from .noise.rows import Rows
from .source import DATASETS, Source
from .splitting import scaled, split

VALIDATION_SHARE, VALIDATION_MOST, TEST_SHARE = 0.1, 1000, 0.25


@dataclass(frozen=True)
class Dataset:
    """Training rows with noise, clean validation and test rows, and the truth, which methods never see.

    Args:
        train: the training rows with their given labels, as methods see them.
        valid: clean validation rows.
        test: clean test rows.
        true_y: true classes (n,) of the training rows, after any change of their inputs; -1 where the given label is
            known to be wrong, but the right label is not known.
        classes: the names of the classes.
        card: source, licence, citation, noise, realised rates and numbers of rows.
        detriments: which training rows each kind of noise has changed, bool (n,), by the kind's name. No row is in
            two of them.
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
        """Whether noise of any kind has changed each training row, bool (n,)."""
        noisy = np.zeros(len(self.train), dtype=bool)
        for changed in self.detriments.values():
            noisy |= changed
        return noisy

    @property
    def is_influential(self) -> NDArray[np.bool_]:
        """Whether a training row is of the same class as a validation row, bool (n_train, n_valid)."""
        return (self.true_y[:, None] == self.valid.y).numpy()

    @property
    def truth(self) -> NDArray[np.bool_]:
        """The truth that scores are evaluated against: `is_influential` for generation datasets, else `is_noisy`."""
        return self.is_influential if self.card["kind"] == "generation" else self.is_noisy


def load(
    name: str, noise: str = "none", rate: float | None = None, seed: int = 0, size: int | None = None, salt: str = ""
) -> Dataset:
    """Load a dataset, split it and put noise on its training rows; texts are sorted from the shortest to the longest.

    Args:
        name: a dataset of `influence-bench list datasets`, with its arguments in brackets: `pmlb[name=titanic]`.
        noise: `none`, a kind of noise of `influence-bench list noises`, human noise that the dataset carries, or
            several of these, as in `worst+duplicates[rate=0.1]`.
        rate: share of the training rows, in [0, 1), for each kind without a rate in brackets; the noise changes
            exactly round(rate × n) rows.
        seed: for the splits, the subset and the noise.
        size: number of training rows to keep, stratified by true class; default all.
        salt: of a sealed run. Everything random then depends on it too, made-up data among it, and so does the order of
            the training rows: who knows the seed alone learns nothing about the noise.

    Raises:
        InputError: if the name or the noise is unknown, a rate or the size is out of range, or a file is missing or
            damaged.
    """
    loader, arguments = DATASETS.parse(name)
    kinds = parse_noise(noise, rate, loader.human, name)
    if kinds and loader.kind == "generation":
        raise InputError(f"{name} has no class labels for noise='{noise}' to change: its rows are prompts with answers")
    drawn_from = _salted(seed, salt)
    source = loader.read(drawn_from, **arguments)
    rng = np.random.default_rng([drawn_from, 1])
    rows = np.arange(len(source.y))
    if not kinds.keys() & source.human.keys():
        rows = rows[source.y.numpy() >= 0]  # without human noise, a row needs its true label
    rows, test = _held_out(source, source.test, rows, round(TEST_SHARE * len(rows)), rng)
    rows, valid = _held_out(source, source.valid, rows, min(VALIDATION_MOST, round(VALIDATION_SHARE * len(rows))), rng)
    if size is not None and size < len(rows):
        least = 2 * len(source.classes)
        if size < least:
            raise InputError(
                f"size={size} is too small for the {len(source.classes)} classes of {name}: at least {least}"
            )
        _, rows = split(rows, source.y, size, rng)
    if salt:
        rows = rng.permutation(rows)
    train = Examples(source.x[rows], source.y[rows])
    if isinstance(source.x, Texts):
        rows = rows[train.x.order()]
        train, valid, test = (part[part.x.order()] for part in (train, valid, test))
    else:
        train, valid, test = scaled(train, valid, test, standardize=source.standardize)
    clean = Rows(train.x, train.y, train.y, len(source.classes), np.ones(len(rows), dtype=bool))
    human = {kind: labels[rows] for kind, labels in source.human.items()}
    noisy, detriments = inject(kinds, clean, human, np.random.default_rng([drawn_from, 2]))
    card = {
        "dataset": name, "kind": loader.kind, "source": loader.source, "licence": loader.licence,
        "citation": loader.citation, "noise": noise, "rate": float((~noisy.clean).mean()),
        "rates": {kind: float(mask.mean()) for kind, mask in detriments.items()}, "seed": seed,
        "rows": {"train": len(train), "valid": len(valid), "test": len(test)},
    }  # fmt: skip
    return Dataset(Examples(noisy.x, noisy.y), valid, test, noisy.true_y, source.classes, card, detriments)


def _salted(seed: int, salt: str) -> int:
    """The seed of everything random: with a salt, 128 bits that nobody can guess or try out."""
    return int(hashlib.sha256(f"{salt} {seed}".encode()).hexdigest()[:32], 16) if salt else seed


def _held_out(
    source: Source, official: Examples | None, rows: NDArray[np.int64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Examples]:
    """The rows that remain, and the official split; without an official split, `count` of the rows."""
    if official is not None:
        return rows, official
    rest, drawn = split(rows, source.y, count, rng)
    return rest, Examples(source.x[drawn], source.y[drawn])
