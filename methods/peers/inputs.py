"""The inputs of other libraries: a copy of the model, the names of the selected layers, and rows in whole batches."""

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
    """Rows that `DataLoader` fetches a whole batch at a time."""

    __getitems__ = TensorDataset.__getitem__


def whole(batch: Sequence[Tensor]) -> list[Tensor]:
    """The batch as it is, so that no library's cost includes collating rows."""
    return list(batch)


def rows(problem: Problem, examples: Examples, *more: Tensor) -> Rows:
    """Inputs, labels and further tensors of each row, on the problem's device.

    Raises:
        InputError: if the inputs are not a single tensor.
    """
    if not isinstance(examples.x, Tensor):
        raise InputError("other libraries get inputs in a single tensor; here they are several: take our own methods")
    return Rows(*(part.to(problem.device) for part in (examples.x, examples.y, *more)))


def loader(problem: Problem, examples: Examples, batch_size: int | None = None) -> DataLoader[tuple[Tensor, ...]]:
    """Batches of inputs and labels, in the order of the rows, by default of the problem's batch size."""
    return DataLoader(rows(problem, examples), batch_size or problem.training_batch, collate_fn=whole)


def modules(problem: Problem, layers: Layers) -> list[str]:
    """Names of the modules whose own parameters are selected."""
    return list(select(problem, layers, problem.state))


def parameters(problem: Problem, layers: Layers) -> list[str]:
    """Names of the selected parameters."""
    chosen = parameter_names(problem.model, select(problem, layers, problem.state))
    return [name for layer in chosen for name in layer]


def size(problem: Problem, layers: Layers) -> int:
    """The number p of selected parameters."""
    return sum(problem.state[name].numel() for name in parameters(problem, layers))


def copied(problem: Problem, layers: Layers, *, passes_loss: bool = False) -> nn.Module:
    """A copy of the model in evaluation mode, which a library may change; only the selected parameters get gradients.

    Args:
        problem: the problem.
        layers: the layers whose parameters are selected.
        passes_loss: whether the caller passes a loss of the problem's own on to the library.

    Raises:
        InputError: if the problem has a loss of its own, and the caller does not.
    """
    if problem.loss is not None and not passes_loss:
        raise InputError("other libraries get cross-entropy on logits; here the loss differs: take our own methods")
    chosen, model = parameters(problem, layers), copy.deepcopy(problem.model).to(problem.device).eval()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in chosen)
    return model


class OneQuery(nn.Module):
    """The model for batches whose samples are each a batch of rows, so that many rows count as one sample."""

    def __init__(self, model: nn.Module, shape: torch.Size) -> None:
        super().__init__()
        self.model, self.shape = model, shape

    def forward(self, x: Tensor) -> Tensor:
        """Logits of all rows of all samples, one below the other, from inputs (samples, rows, *shape)."""
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
    array: Scores = values.detach().double().cpu().numpy()
    return array


@contextmanager
def quietly(seed: int) -> Iterator[None]:
    """Silence what a library prints, logs and warns; seed the global generators and restore them afterwards."""
    disabled, numpy_state = logging.root.manager.disable, np.random.get_state()
    logging.disable(logging.WARNING)
    silent = redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO())
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(), silent[0], silent[1]:
            warnings.simplefilter("ignore")
            torch.manual_seed(seed)
            np.random.seed(seed)
            yield
    finally:
        np.random.set_state(numpy_state)
        logging.disable(disabled)
