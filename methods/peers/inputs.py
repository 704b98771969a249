"""What other libraries are given: a copy of the model, the selected layers by name, rows in whole batches, quiet."""

import copy
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from ...bench.errors import InputError
from ...bench.problem.examples import Examples
from ...bench.problem.problem import Problem, Scores
from ..gradients.selection import Layers, parameter_names, select

SUMMED = nn.CrossEntropyLoss(reduction="sum")


class Rows(TensorDataset):
    """Rows that `DataLoader` takes a whole batch of at once."""

    __getitems__ = TensorDataset.__getitem__


def whole(batch: Sequence[Tensor]) -> list[Tensor]:
    """The batch as it is: nobody is charged for collating rows."""
    return list(batch)


def rows(problem: Problem, examples: Examples, *more: Tensor) -> Rows:
    """Inputs, labels and more of each row, on the problem's device.

    Raises:
        InputError: if the inputs are no single tensor.
    """
    if not isinstance(examples.x, Tensor):
        raise InputError("other libraries are given inputs in one tensor; here they are several by name")
    return Rows(*(part.to(problem.device) for part in (examples.x, examples.y, *more)))


def loader(problem: Problem, examples: Examples, batch_size: int | None = None) -> DataLoader[tuple[Tensor, ...]]:
    """Batches of inputs and labels in order, by default of the problem's size."""
    return DataLoader(rows(problem, examples), batch_size or problem.batch_size, collate_fn=whole)


def modules(problem: Problem, layers: Layers) -> list[str]:
    """Names of the modules whose own parameters are selected."""
    return list(select(problem, layers, problem.state))


def parameters(problem: Problem, layers: Layers) -> list[str]:
    """Names of the selected parameters."""
    chosen = parameter_names(problem.model, select(problem, layers, problem.state))
    return [name for layer in chosen for name in layer]


def size(problem: Problem, layers: Layers) -> int:
    """Number of selected parameters, p."""
    return sum(problem.state[name].numel() for name in parameters(problem, layers))


def copied(problem: Problem, layers: Layers) -> nn.Module:
    """A copy of the model for a library to change, in evaluation mode; the selected parameters alone want gradients.

    Raises:
        InputError: if the problem has a loss of its own, which no library here is given.
    """
    if problem.loss is not None:
        raise InputError("other libraries are given cross-entropy on logits; this problem has a loss of its own")
    chosen, model = parameters(problem, layers), copy.deepcopy(problem.model).to(problem.device).eval()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in chosen)
    return model


class OneQuery(nn.Module):
    """The model for batches whose rows are themselves batches of rows: many rows become one sample."""

    def __init__(self, model: nn.Module, shape: torch.Size) -> None:
        super().__init__()
        self.model, self.shape = model, shape

    def forward(self, x: Tensor) -> Tensor:
        """(B, ..., *shape) to logits, one row after the other."""
        logits: Tensor = self.model(x.reshape(-1, *self.shape))
        return logits


def mean_loss(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy, averaged over all rows of all samples."""
    return F.cross_entropy(logits, y.reshape(-1).long())


def as_one(examples: Examples) -> Examples:
    """All rows as one sample, whose gradient is their mean."""
    return Examples(examples.x[None], examples.y[None])


def scores(values: Tensor) -> Scores:
    """Values (n,) as scores."""
    found: Scores = values.detach().double().cpu().numpy()
    return found


@contextmanager
def quietly(seed: int) -> Iterator[None]:
    """Without what a library prints and warns of; global generators at a seed and afterwards as they were."""
    before, drawn = logging.root.manager.disable, np.random.get_state()
    logging.disable(logging.WARNING)
    silent = redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO())
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(), silent[0], silent[1]:
            warnings.simplefilter("ignore")
            torch.manual_seed(seed)
            np.random.seed(seed)
            yield
    finally:
        np.random.set_state(drawn)
        logging.disable(before)
