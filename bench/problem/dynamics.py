"""Training dynamics: a classifier's outputs for each training row in the forward passes that trained it."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError


@dataclass(frozen=True)
class Dynamics:
    """Three figures for each training row in each epoch, each a float32 tensor (epochs, n).

    `prepare` records them in the forward pass in training mode: the model's view of a row just before it learns from
    that row. `Dynamics.of` computes them from the logits of your own training.

    Args:
        given_logit: the logit of the given label.
        other_logit: the largest logit among the other labels.
        log_probability: the log-probability of the given label.

    Raises:
        InputError: if the three are not finite arrays of the same shape (epochs, n) with at least one epoch.
    """

    given_logit: Tensor
    other_logit: Tensor
    log_probability: Tensor

    def __post_init__(self) -> None:
        for name in NAMES:
            object.__setattr__(self, name, torch.as_tensor(getattr(self, name), dtype=torch.float32))
        shapes = {tuple(figure.shape) for figure in self.figures.values()}
        if len(shapes) > 1 or self.given_logit.ndim != 2 or not len(self.given_logit):
            raise InputError(f"dynamics: the three figures must have one shape (epochs, n), not {sorted(shapes)}")
        for name, figure in self.figures.items():
            if not figure.isfinite().all():
                raise InputError(f"dynamics: {name} is not finite everywhere")

    @classmethod
    def of(cls, logits: Tensor, y: Tensor) -> "Dynamics":
        """Dynamics from the training rows' logits (epochs, n, classes) in every epoch and their given labels (n,)."""
        return cls(*torch.stack([observed(epoch, y) for epoch in logits], 1))

    @property
    def figures(self) -> dict[str, Tensor]:
        """The three figures by name."""
        return {name: getattr(self, name) for name in NAMES}

    @property
    def margin(self) -> NDArray[np.float64]:
        """The margin (epochs, n): the logit of the given label minus the largest other logit."""
        return (self.given_logit.double() - self.other_logit.double()).cpu().numpy()

    @property
    def probability(self) -> NDArray[np.float64]:
        """The probability (epochs, n) of the given label."""
        return self.log_probability.double().exp().cpu().numpy()

    def __len__(self) -> int:
        return self.given_logit.shape[1]

    def __getitem__(self, rows: Any) -> "Dynamics":
        index = torch.as_tensor(rows) if isinstance(rows, np.ndarray) else rows
        return Dynamics(*(figure[:, index] for figure in self.figures.values()))


NAMES = tuple(field.name for field in fields(Dynamics))


def observed(logits: Tensor, y: Tensor) -> Tensor:
    """The three figures (3, batch), in the order of `Dynamics`, from a batch's logits (batch, classes) and labels."""
    logits, label = logits.detach(), y[:, None]
    others = logits.scatter(1, label, -torch.inf).amax(1)
    figures = torch.stack((logits.gather(1, label)[:, 0], others, logits.log_softmax(1).gather(1, label)[:, 0]))
    return figures.float()
