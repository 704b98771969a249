"""Stratified splits of rows, and the scaling of their inputs."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..bench.problem.examples import Examples


def split(
    rows: NDArray[np.int64], y: Tensor, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw `count` rows, stratified by class; return the remaining rows and the drawn rows, both in ascending order.

    Args:
        rows: row numbers (m,) to draw from.
        y: class indices (n,) of all rows.
        count: number of rows to draw; each class gets its proportion, to within one row.
        rng: draws the rows.
    """
    labels = y.numpy()[rows]
    shuffled = rng.permutation(len(rows))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    # Evenly spaced places in the list sorted by class take from each class in proportion, to within one row.
    places = np.floor((np.arange(count) + rng.random()) * len(rows) / max(count, 1)).astype(np.int64)
    drawn = by_class[places]
    return np.sort(np.delete(rows, drawn)), np.sort(rows[drawn])


def scaled(*parts: Examples, standardize: bool) -> list[Examples]:
    """Divide byte images by 255 and, if asked, standardise each feature or channel by the rows of the first part.

    Returns:
        The parts with float32 inputs. Features are standardised in float64, since times in seconds or large identifiers
        may differ only in digits that float32 does not hold; a feature without differences is shifted, not divided.
    """
    inputs = [part.x.float() / 255 if part.x.dtype == torch.uint8 else part.x.double() for part in parts]
    if standardize:
        over = [0, *range(2, inputs[0].ndim)]
        mean, deviation = inputs[0].mean(over, keepdim=True), inputs[0].std(over, keepdim=True)
        # The deviation of equal numbers may be a rounding error instead of 0, and to divide by it would blow them up.
        differs = inputs[0].amax(over, keepdim=True) > inputs[0].amin(over, keepdim=True)
        inputs = [(x - mean) / deviation.where(differs, 1.0) for x in inputs]
    return [Examples(x.float(), part.y) for x, part in zip(inputs, parts, strict=True)]
