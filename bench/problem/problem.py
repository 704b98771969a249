"""`Problem`: everything that a method is given. It holds no ground truth and no test data."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
from .evaluation import evaluating
from .examples import Examples, checked
from .given import checkpoint, fitting, plain_loss, plain_model, precision
from .passes import Pass
from .width import fast_rows

Scores = NDArray[np.float64]
Loss = Callable[[Tensor, Tensor], Tensor]
Trainer = Callable[[Examples, int, float], nn.Module | tuple[nn.Module, Dynamics | None]]
Given = TypeVar("Given")


@dataclass(frozen=True)
class Problem:
    """A trained model and the data that trained it, for which a method scores every training row.

    Args:
        model: any module that maps a batch to outputs, one row per sample, or to an object that has them as `logits`.
            Methods leave it exactly as it was.
        train: inputs and given labels (n, ...), some of which may be wrong: a pair, or a dataset whose items are pairs.
            Inputs may be a mapping of tensors, which the model gets as keyword arguments.
        valid: inputs and labels that can be trusted; only some methods need them.
        checkpoints: state dicts with their learning rates, in order of training; default: the model as it stands.
        loss: a function of a batch's outputs and labels, with any reduction; default: cross-entropy on logits.
        batch_size: rows of a pass; it changes memory and speed, never the scores. Default: as many as are fast by what
            a row takes in the model.
        seed: the seed of everything random in a method.
        device: where batches are computed; default: the device of the model.
        memory_budget: bytes that a method may take in addition to the loaded problem. The gradient engine keeps within
            it by taking fewer rows at a time; a computation that cannot is refused.
        dynamics: the model's outputs for each training row during its training; only some methods need them.
        trainer: trains a new model as this one was trained; only some methods need it. A function of training rows, a
            seed and the share of all epochs after which to stop. It returns the model, which has an output for every
            class even if the rows lack some, or the model and its dynamics.
        groups: the kind (n,) of each training row, for example its task; only some pairwise methods need it.
        training_batch: rows of a training step, by which the cost of an epoch is measured.
        known: what passes have found out about the model, shared with problems that are made from this one.

    Raises:
        InputError: if lengths differ, there are no rows, an input is not finite or a label is not a class index.
    """

    model: nn.Module
    train: Examples
    valid: Examples | None = None
    checkpoints: Sequence[Checkpoint] = ()
    loss: Loss | None = None
    batch_size: int | None = None
    seed: int = 0
    device: torch.device | str | None = None
    memory_budget: int = 2 * 2**30
    dynamics: Dynamics | None = None
    trainer: Trainer | None = None
    groups: Tensor | None = None
    training_batch: int = 128
    known: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        model = plain_model(self.model)
        examples = {"train": self.train} | ({} if self.valid is None else {"valid": self.valid})
        fields: dict[str, Any] = {
            name: checked(rows, name, precision(model), classes=self.loss is None) for name, rows in examples.items()
        }
        fields |= {"model": model, "loss": plain_loss(self.loss)}
        fields["checkpoints"] = tuple(map(checkpoint, self.checkpoints or ())) or (Checkpoint(_detached(model)),)
        own = next(model.parameters(), torch.zeros(())).device
        fields["device"] = own if self.device is None else torch.device(self.device)
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        for name in ("batch_size", "training_batch", "memory_budget"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InputError(f"{name} is {number}; it must be at least 1")
        for name, by_row in (("dynamics", self.dynamics), ("groups", self.groups)):
            if by_row is not None and len(by_row) != len(self.train):
                raise InputError(f"{name}: {len(by_row)} rows, but {len(self.train)} in train; they must match")

    @cached_property
    def state(self) -> State:
        """Parameters and buffers of the model as it stands, detached; a shared tensor has its first name only."""
        return _detached(self.model)

    def state_at(self, checkpoint: Checkpoint | None = None) -> State:
        """Parameters and buffers at a checkpoint, by default of the model as it stands, on the problem's device.

        A frozen parameter or a buffer that the checkpoint lacks is the model's own.

        Raises:
            InputError: if it lacks another parameter, or has a name or a shape that the model has not.
        """
        saved = {} if checkpoint is None else fitting(checkpoint.state, self.model)
        return {name: saved.get(name, tensor).to(self.device, tensor.dtype) for name, tensor in self.state.items()}

    @property
    def validation(self) -> Examples:
        """The validation rows, for methods that declare `uses={"validation"}`; InputError if there are none."""
        return _needed(self.valid or None, "validation rows: give trusted valid=(x, y) to Problem, or --valid FILE")

    @property
    def recorded(self) -> Dynamics:
        """The training dynamics, for methods that declare `uses={"dynamics"}`; InputError if there are none."""
        return _needed(self.dynamics, "training dynamics: take the problem from prepare, or give dynamics= to Problem")

    @property
    def known_groups(self) -> Tensor:
        """The kinds of the training rows, for methods that declare `uses={"groups"}`; InputError if there are none."""
        return _needed(self.groups, "the kinds of the training rows: give groups= to Problem")

    def on(self, rows: Any) -> "Problem":
        """This problem with only some of its training rows, or with all of them in another order."""
        dynamics = None if self.dynamics is None else self.dynamics[rows]
        groups = None if self.groups is None else self.groups[rows]
        return replace(self, train=self.train[rows], dynamics=dynamics, groups=groups)

    def retrained(self, rows: Any, seed: int, share: float = 1.0) -> "Problem":
        """This problem with a model newly trained on some of its training rows, and the dynamics of that training.

        Args:
            rows: the training rows to keep; their order changes the training.
            seed: the seed of the training.
            share: the share of all epochs after which to stop.

        Raises:
            InputError: if the problem has no trainer.
        """
        trainer = _needed(self.trainer, "a trainer: take the problem from prepare, or give trainer= to Problem")
        train = self.train[rows]
        with phase("retrain"), torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(seed)
            trained = trainer(train.mapped(single), seed, share)
        model, dynamics = trained if isinstance(trained, tuple) else (trained, None)
        model.to(self.device, precision(self.model))
        return replace(self, model=model, train=train, checkpoints=(), dynamics=dynamics, groups=None, known={})

    def only(self, uses: frozenset[str]) -> "Problem":
        """This problem without the optional parts that a method does not declare in its `uses`."""
        return replace(
            self,
            valid=self.valid if "validation" in uses else None,
            checkpoints=self.checkpoints if "checkpoints" in uses else (),
            dynamics=self.dynamics if "dynamics" in uses else None,
            trainer=self.trainer if "retraining" in uses else None,
            groups=self.groups if "groups" in uses else None,
        )

    def afford(self, needed: int, what: str) -> None:
        """Refuse a computation that does not fit the memory budget.

        Args:
            needed: the bytes that it would take.
            what: what takes them, as the subject of the error message.

        Raises:
            InputError: if that is more than the budget.
        """
        if needed > self.memory_budget:
            raise InputError(
                f"{what} would take {needed / 1e9:.2g} GB, above the memory budget of {self.memory_budget / 1e9:.2g} "
                "GB: give fewer rows or layers, or give Problem a larger memory_budget"
            )

    @property
    def rows_at_once(self) -> int:
        """Rows of a pass: the batch size, or as many as are fast."""
        if self.batch_size is not None:
            return self.batch_size
        key = "rows at once", self.model, self.device
        if key not in self.known:
            with self.at(self.state_at()) as model:
                self.known[key] = fast_rows(model, self.train[:1].to(self.device))
        return int(self.known[key])

    def batches(self, examples: Examples, bytes_per_row: int = 0) -> Iterator[tuple[slice, Examples]]:
        """Consecutive batches on the problem's device, each with its slice of rows.

        Args:
            examples: the rows to go through.
            bytes_per_row: working memory that a row needs; a batch is cut so that it needs at most half the memory
                budget, or is a single row.

        Raises:
            InputError: if a single row needs more than the memory budget.
        """
        self.afford(bytes_per_row, "one row")
        step = self._step(bytes_per_row)
        parts = (slice(start, start + step) for start in range(0, len(examples), step))
        return ((rows, examples[rows].trimmed().to(self.device)) for rows in parts)

    def batch_bytes(self, bytes_per_row: int) -> int:
        """Bytes of the working memory of the largest batch, to count beside what a caller keeps of every batch."""
        return self._step(bytes_per_row) * bytes_per_row

    def _step(self, bytes_per_row: int) -> int:
        """Rows of a batch: at most half the memory budget holds what they need."""
        return max(1, min(self.rows_at_once, self.memory_budget // 2 // max(1, bytes_per_row)))

    @contextmanager
    def at(self, state: State) -> Iterator[nn.Module]:
        """The model in evaluation mode, with the given parameters and buffers in place of its own inside the block."""
        named = (*self.model.named_parameters(), *self.model.named_buffers())
        given = {id(tensor): state[name] for name, tensor in named}  # by id: a shared tensor is in several modules
        places: list[Any] = [held for module in self.model.modules() for held in (module._parameters, module._buffers)]
        before = [dict(tensors) for tensors in places]
        with evaluating(self.model):
            try:
                for tensors in places:
                    tensors.update({name: given[id(old)] for name, old in tensors.items() if old is not None})
                yield self.model
            finally:
                for tensors, originals in zip(places, before, strict=True):
                    tensors.update(originals)

    def outputs(self, checkpoint: Checkpoint | None = None) -> Tensor:
        """Outputs (n, ...) for all training rows: one forward pass."""
        outputs = Assembly(len(self.train))
        Pass(self, checkpoint, self.train, outputs.add).run()
        return outputs.whole

    def probabilities(self, checkpoint: Checkpoint | None = None) -> Tensor:
        """Class probabilities (n, classes), float64, for all training rows: one forward pass.

        Raises:
            InputError: if the outputs are not logits (n, classes) of at least two classes.
        """
        logits = self.outputs(checkpoint)
        if logits.ndim != 2 or logits.shape[1] < 2:
            raise InputError(f"this method needs logits (n, classes); the model's outputs are {tuple(logits.shape)}")
        return logits.double().softmax(1)

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Loss (batch,) of each sample, in float32 at least: in half precision the gradient near loss 0 cancels."""
        outputs = single(outputs)
        if self.loss is None:
            return F.cross_entropy(outputs, y, reduction="none")
        loss = self.loss

        def of_row(output: Tensor, label: Tensor) -> Tensor:
            value = loss(output[None], label[None])
            if value.numel() != 1:
                raise InputError(
                    f"the loss returns {value.numel()} numbers for a row, {tuple(value.shape)}: give a loss that "
                    "returns one for each row, such as the mean of these"
                )
            return value.reshape(())

        try:
            return vmap(of_row)(outputs, y)
        except RuntimeError:  # `vmap` does not support branches on values, nor masks
            return torch.stack([of_row(output, label) for output, label in zip(outputs, y, strict=True)])

    def sampling_order(self) -> Tensor:
        """Indices (n,) of the training rows in an order that depends on their contents, not on their positions.

        A method that draws random rows draws them in this order, so that permuting the rows permutes its scores.
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


def _detached(model: nn.Module) -> State:
    return {name: t.detach() for name, t in (*model.named_parameters(), *model.named_buffers())}


def _needed(given: Given | None, what: str) -> Given:
    if given is None:
        raise InputError(f"this method needs {what}")
    return given


def single(x: Tensor) -> Tensor:
    """Half precision as float32, in which models are trained and losses computed; other tensors as they are."""
    return x.float() if x.is_floating_point() and x.itemsize < 4 else x
