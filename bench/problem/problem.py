"""`Problem`: all that a method is given. It holds no ground truth and no test data."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import vmap
from torch.nn import functional as F

from ..errors import InputError
from ..instruments.stopwatch import phase
from .assembly import Assembly, assembled
from .checkpoint import Checkpoint, State
from .dynamics import Dynamics
from .examples import Examples, checked
from .passes import Pass

Scores = NDArray[np.float64]
Loss = Callable[[Tensor, Tensor], Tensor]
Trainer = Callable[[Examples, int, float], nn.Module | tuple[nn.Module, Dynamics | None]]
Given = TypeVar("Given")


@dataclass(frozen=True)
class Problem:
    """A trained model and the data that trained it, for which a method scores every training row.

    Args:
        model: any module that maps a batch to outputs, one row per sample, or to a record that holds them as `logits`.
            It is left exactly as found.
        train: inputs and given labels (n, ...), perhaps wrong: a pair, or a dataset whose items are such pairs. Inputs
            may be a mapping of tensors, which the model gets as keywords.
        valid: inputs and labels that can be trusted, where a method needs them.
        checkpoints: state dicts with their learning rates, in order of training; default: the model as it stands.
        loss: outputs and labels of a batch to a loss; default cross-entropy on logits. Any reduction will do.
        batch_size: rows per forward pass; changes memory and speed, never the scores.
        seed: of everything random in a method.
        device: where batches are computed; default: where the model lies.
        memory_budget: bytes that a method may take above the loaded problem. The gradient engine keeps to it by taking
            fewer rows at a time; what cannot keep to it is refused.
        dynamics: what the model said of each training row while it was trained, where a method needs it.
        trainer: trains a new model as this one was trained, where a method needs it: a function of rows, a seed and the
            share of all epochs after which to stop, to the model, which knows all classes, or to it and its dynamics.
        groups: the kind of each training row (n,), where that is what the influence of rows on each other tells.

    Raises:
        InputError: if lengths differ, there are no rows, an input is not finite or a label is not a class index.
    """

    model: nn.Module
    train: Examples
    valid: Examples | None = None
    checkpoints: Sequence[Checkpoint] = ()
    loss: Loss | None = None
    batch_size: int = 128
    seed: int = 0
    device: torch.device | str | None = None
    memory_budget: int = 2 * 2**30
    dynamics: Dynamics | None = None
    trainer: Trainer | None = None
    groups: Tensor | None = None

    def __post_init__(self) -> None:
        first = next(self.model.parameters(), torch.zeros(()))
        parts = {"train": self.train} | ({} if self.valid is None else {"valid": self.valid})
        put: dict[str, Any] = {
            name: checked(part, name, first.dtype, classes=self.loss is None) for name, part in parts.items()
        }
        given = (c if isinstance(c, Checkpoint) else Checkpoint(*c) for c in self.checkpoints or ())
        put["checkpoints"] = tuple(given) or (Checkpoint(_detached(self.model)),)
        put["device"] = torch.device(self.device) if self.device is not None else first.device
        for name, value in put.items():
            object.__setattr__(self, name, value)
        for name, least in (("batch_size", self.batch_size), ("memory_budget", self.memory_budget)):
            if least < 1:
                raise InputError(f"{name} is {least}; it must be at least 1")
        for name, of_rows in (("dynamics", self.dynamics), ("groups", self.groups)):
            if of_rows is not None and len(of_rows) != len(self.train):
                raise InputError(f"{name}: {len(of_rows)} rows, but {len(self.train)} in train; they must match")

    @cached_property
    def state(self) -> State:
        """Parameters and buffers of the model as it stands, detached; a shared one under its first name only."""
        return _detached(self.model)

    def state_at(self, checkpoint: Checkpoint | None = None) -> State:
        """Parameters and buffers at a checkpoint, by default as the model stands, on the problem's device."""
        taken = {} if checkpoint is None else checkpoint.state
        return {name: taken.get(name, own).to(self.device, own.dtype) for name, own in self.state.items()}

    @property
    def validation(self) -> Examples:
        """The trusted rows, for methods that declare that they use them."""
        return _needed(self.valid or None, "validation rows with trusted labels: give valid=(x, y) to Problem")

    @property
    def recorded(self) -> Dynamics:
        """The training dynamics, for methods that declare that they use them."""
        return _needed(self.dynamics, "training dynamics: take the problem from prepare, or give dynamics= to Problem")

    @property
    def known_groups(self) -> Tensor:
        """The kinds of the training rows, for methods that declare that they use them."""
        return _needed(self.groups, "the kinds of the training rows: give groups= to Problem")

    def on(self, rows: Any) -> "Problem":
        """This problem with some of its training rows only, or with all in another order."""
        dynamics = None if self.dynamics is None else self.dynamics[rows]
        groups = None if self.groups is None else self.groups[rows]
        return replace(self, train=self.train[rows], dynamics=dynamics, groups=groups)

    def retrained(self, rows: Any, seed: int, share: float = 1.0) -> "Problem":
        """This problem with a model that has been trained anew, on some of its training rows only, and its dynamics.

        Args:
            rows: which; the order counts.
            seed: of the training.
            share: of all epochs after which to stop.

        Raises:
            InputError: if the problem has no trainer.
        """
        trainer = _needed(self.trainer, "a trainer: take the problem from prepare, or give trainer= to Problem")
        train = self.train[rows]
        with phase("retrain"), torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(seed)
            trained = trainer(train.mapped(_single), seed, share)
        model, dynamics = trained if isinstance(trained, tuple) else (trained, None)
        own = next(self.model.parameters(), torch.zeros(()))
        model.to(self.device, own.dtype)
        return replace(self, model=model, train=train, checkpoints=(), dynamics=dynamics, groups=None)

    def only(self, uses: frozenset[str]) -> "Problem":
        """This problem without what a method does not declare that it uses."""
        return replace(
            self,
            valid=self.valid if "validation" in uses else None,
            checkpoints=self.checkpoints if "checkpoints" in uses else (),
            dynamics=self.dynamics if "dynamics" in uses else None,
            trainer=self.trainer if "retraining" in uses else None,
            groups=self.groups if "groups" in uses else None,
        )

    def afford(self, needed: int, what: str) -> None:
        """Refuse what does not fit the memory budget.

        Raises:
            InputError: says how much it takes, and the mend.
        """
        if needed > self.memory_budget:
            raise InputError(
                f"{what} would take {needed / 1e9:.2g} GB, above the memory budget of {self.memory_budget / 1e9:.2g} GB"
                ": choose fewer layers, or give Problem a larger memory_budget"
            )

    def batches(self, examples: Examples, bytes_per_row: int = 0) -> Iterator[tuple[slice, Examples]]:
        """Consecutive batches on the problem's device, each with its rows.

        Args:
            bytes_per_row: what a row takes while it is worked on; a batch takes half the memory budget at most.

        Raises:
            InputError: if a single row is above the memory budget.
        """
        self.afford(bytes_per_row, "one row")
        step = max(1, min(self.batch_size, self.memory_budget // 2 // max(1, bytes_per_row)))
        for start in range(0, len(examples), step):
            rows = slice(start, start + step)
            yield rows, examples[rows].trimmed().to(self.device)

    @contextmanager
    def at(self, state: State) -> Iterator[nn.Module]:
        """The model in evaluation mode with the given parameters and buffers in place of its own, for a while."""
        named = (*self.model.named_parameters(), *self.model.named_buffers())
        given = {id(own): state[name] for name, own in named}  # a shared tensor has one name and several places
        held: list[Any] = [own for module in self.model.modules() for own in (module._parameters, module._buffers)]
        before = [dict(tensors) for tensors in held]
        with evaluating(self.model):
            try:
                for tensors in held:
                    tensors.update({name: given[id(own)] for name, own in tensors.items() if own is not None})
                yield self.model
            finally:
                for tensors, own in zip(held, before, strict=True):
                    tensors.update(own)

    def outputs(self, checkpoint: Checkpoint | None = None) -> Tensor:
        """Outputs (n, ...) for all training rows: one forward pass."""
        kept = Assembly(len(self.train))
        Pass(self, checkpoint, self.train, kept.add).run()
        return kept.whole

    def probabilities(self, checkpoint: Checkpoint | None = None) -> Tensor:
        """Class probabilities (n, classes), float64, for all training rows: one forward pass.

        Raises:
            InputError: if the outputs are not one row of at least two logits per sample.
        """
        logits = self.outputs(checkpoint)
        if logits.ndim != 2 or logits.shape[1] < 2:
            raise InputError(f"this method needs logits (n, classes); the model's outputs are {tuple(logits.shape)}")
        return logits.double().softmax(1)

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Loss (batch,) of each sample; in float32 at least, since the gradient of a loss near 0 cancels."""
        outputs = _single(outputs)
        if self.loss is None:
            return F.cross_entropy(outputs, y, reduction="none")
        loss = self.loss
        return vmap(lambda output, label: loss(output[None], label[None]).reshape(()))(outputs, y)

    def sampling_order(self) -> Tensor:
        """Training rows (n,) in an order that depends on what they hold, not on where they stand.

        A method that draws rows at random draws them in this order, which makes its scores follow the rows when
        these are permuted.
        """
        generator = torch.Generator().manual_seed(self.seed)
        products = torch.zeros(len(self.train), dtype=torch.float64)
        for tensor in (*self.train.tensors.values(), self.train.y):
            rows = tensor.reshape(len(tensor), -1)
            direction = torch.randn(rows.shape[1], generator=generator, dtype=torch.float64)
            chunks = (slice(start, start + 256) for start in range(0, len(rows), 256))
            products += assembled(
                len(rows), ((part, (rows[part].cpu().double() * direction).sum(1)) for part in chunks)
            )
        return torch.argsort(products, stable=True)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode, every module's own mode restored afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _detached(model: nn.Module) -> State:
    return {name: t.detach() for name, t in (*model.named_parameters(), *model.named_buffers())}


def _needed(given: Given | None, what: str) -> Given:
    if given is None:
        raise InputError(f"this method needs {what}")
    return given


def _single(x: Tensor) -> Tensor:
    """Half precision as float32, in which models are trained and losses taken."""
    return x.float() if x.is_floating_point() and x.itemsize < 4 else x
