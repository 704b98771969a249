"""Label noise, injected with an exact count of wrong labels."""

import numpy as np
import torch
from torch import Tensor

from ..bench.errors import InputError

INJECTED = ("symmetric", "pair")


def inject(noise: str, y: Tensor, classes: int, rate: float, rng: np.random.Generator) -> Tensor:
    """The labels (n,) with round(rate × n) of them wrong.

    Args:
        noise: `none`; `symmetric` (any other class, evenly); `pair` (always the next class).
        y: true class indices (n,).
        classes: number of classes.
        rate: share of wrong labels, in [0, 1).
        rng: draws the rows and their new labels.

    Raises:
        InputError: if the rate is out of range, or noise is asked for where there is one class.
    """
    if noise == "none":
        return y.clone()
    if not 0 <= rate < 1:
        raise InputError(f"rate={rate} is out of range: a share of the labels, at least 0 and below 1")
    if classes < 2:
        raise InputError("label noise needs at least two classes")
    rows = rng.choice(len(y), round(rate * len(y)), replace=False)
    steps = rng.integers(1, classes, len(rows)) if noise == "symmetric" else np.ones(len(rows), dtype=np.int64)
    given = y.clone()
    given[rows] = torch.as_tensor((y.numpy()[rows] + steps) % classes)
    return given
