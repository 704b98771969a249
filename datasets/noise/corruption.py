"""Kinds of noise that keep every label right: each function changes exactly round(rate × n) clean rows."""

import numpy as np
import torch

from ...bench.errors import InputError
from .kinds import noise
from .rows import Rows


@noise
def gaussian(rows: Rows, rng: np.random.Generator, *, rate: float, scale: float = 2.0) -> Rows:
    """Add Gaussian noise to every feature, with `scale` times the deviation of the feature; labels stay."""
    if not 0 < scale < np.inf:
        raise InputError(f"gaussian: scale={scale:g} is out of range: give a finite number above 0")
    x, drawn = rows.features("gaussian"), rows.draw(rate, rng)
    width = scale * x.std(0)
    normal = torch.from_numpy(rng.standard_normal((len(drawn), x.shape[1]), dtype=np.float32))
    return rows.changed(drawn, x=x.index_add(0, torch.from_numpy(drawn), width * normal).view_as(rows.x))


@noise
def resampled(rows: Rows, rng: np.random.Generator, *, rate: float) -> Rows:
    """Replace every feature by that of another row, drawn anew for each feature; labels stay.

    Yoon et al. 2020, VIME, equation 3, with every feature masked: each feature keeps its distribution, but the features
    of a row no longer depend on each other.
    """
    x, drawn = rows.features("resampled"), rows.draw(rate, rng)
    if len(drawn) and len(rows) < 2:
        raise InputError("resampled noise needs at least two rows to take features from")
    steps = rng.integers(1, max(len(rows), 2), (len(drawn), x.shape[1]))
    donors = torch.from_numpy((drawn[:, None] + steps) % len(rows))
    return rows.changed(drawn, x=x.index_copy(0, torch.from_numpy(drawn), x.gather(0, donors)).view_as(rows.x))


@noise
def duplicates(rows: Rows, rng: np.random.Generator, *, rate: float) -> Rows:
    """Replace rows by copies of other clean rows, with their labels.

    Only the copy counts as noisy. It equals its original, so no method can distinguish the two.
    """
    drawn = rows.draw(rate, rng)
    originals = np.setdiff1d(rows.left, drawn)
    if len(drawn) and not len(originals):
        raise InputError(f"rate={rate:g} leaves no clean row to copy as duplicates: lower the rates")
    from_row = np.arange(len(rows))
    from_row[drawn] = rng.choice(originals, len(drawn)) if len(drawn) else drawn
    copied = from_row[drawn]
    return rows.changed(drawn, x=rows.x[from_row], y=rows.y[copied], true_y=rows.true_y[copied])
