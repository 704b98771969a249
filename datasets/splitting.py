"""Splits and scales of the rows."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..bench.problem.examples import Examples


def split(
    rows: NDArray[np.int64], y: Tensor, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`rows` without, and with only, `count` rows drawn in the classes' proportions; both in ascending order."""
    labels = y.numpy()[rows]
    shuffled = rng.permutation(len(rows))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    # Evenly spaced places in the list sorted by class take from each class in proportion, to within one.
    places = np.floor((np.arange(count) + rng.random()) * len(rows) / max(count, 1)).astype(np.int64)
    drawn = by_class[places]
    return np.sort(np.delete(rows, drawn)), np.sort(rows[drawn])


def scaled(*parts: Examples, standardize: bool) -> list[Examples]:
    """Byte images in [0, 1] and, if asked, features or channels standardised by the first part's rows."""
    inputs = [part.x.float() / 255 if part.x.dtype == torch.uint8 else part.x.float() for part in parts]
    if standardize:
        over = [0, *range(2, inputs[0].ndim)]
        mean, deviation = inputs[0].mean(over, keepdim=True), inputs[0].std(over, keepdim=True)
        inputs = [(x - mean) / deviation.where(deviation > 0, 1.0) for x in inputs]
    return [Examples(x, part.y) for x, part in zip(inputs, parts, strict=True)]
