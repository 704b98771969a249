"""Harm to other than labels: each function returns the rows with exactly round(rate × n) more of them changed."""

import numpy as np
import torch

from ...bench.errors import InputError
from .kinds import noise
from .rows import Rows


@noise
def gaussian(rows: Rows, rng: np.random.Generator, *, rate: float, scale: float = 2.0) -> Rows:
    """Gaussian noise on every feature, `scale` times as wide as the feature; labels stay."""
    if not 0 < scale < np.inf:
        raise InputError(f"scale={scale:g} is out of range: a finite number above 0")
    x, drawn = rows.features("gaussian"), rows.draw(rate, rng)
    width = scale * x.std(0)
    noise = torch.from_numpy(rng.standard_normal((len(drawn), x.shape[1]), dtype=np.float32))
    return rows.changed(drawn, x=x.index_add(0, torch.from_numpy(drawn), width * noise).view_as(rows.x))


@noise
def resampled(rows: Rows, rng: np.random.Generator, *, rate: float) -> Rows:
    """Every feature from another row, each from its own; labels stay.

    Yoon et al. 2020, VIME, equation 3, with every feature masked: each feature keeps its distribution, and the row
    loses all that ties them together.
    """
    x, drawn = rows.features("resampled"), rows.draw(rate, rng)
    if len(drawn) and len(rows) < 2:
        raise InputError("resampled noise needs at least two rows")
    steps = rng.integers(1, max(len(rows), 2), (len(drawn), x.shape[1]))
    donors = torch.from_numpy((drawn[:, None] + steps) % len(rows))
    return rows.changed(drawn, x=x.index_copy(0, torch.from_numpy(drawn), x.gather(0, donors)).view_as(rows.x))


@noise
def duplicates(rows: Rows, rng: np.random.Generator, *, rate: float) -> Rows:
    """Copies of other clean rows, with their labels, in the place of the rows.

    Only the copy counts as noisy. It is the same as its original, so no method can tell the two apart.
    """
    drawn = rows.draw(rate, rng)
    originals = np.setdiff1d(rows.left, drawn)
    if len(drawn) and not len(originals):
        raise InputError(f"rate={rate:g} leaves no clean row to make duplicates of: lower the rates")
    from_row = np.arange(len(rows))
    from_row[drawn] = rng.choice(originals, len(drawn)) if len(drawn) else drawn
    copied = from_row[drawn]
    return rows.changed(drawn, x=rows.x[from_row], y=rows.y[copied], true_y=rows.true_y[copied])
