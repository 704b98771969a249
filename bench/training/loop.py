"""One training loop for every model and every arm, deterministic under its seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InputError
from ..models.architecture import IGNORED, Architecture, Recipe
from ..problem.checkpoint import Checkpoint
from ..problem.dynamics import Dynamics, observed
from ..problem.examples import Examples
from ..problem.problem import Trainer, evaluating

SHIFT = 4
LOOKED_AT = 128  # rows at a time: of texts, few hold less padding
FACTORS: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
    "drop": lambda done: 1.0 if done < 0.6 else 0.1,
}
"""Schedules: the learning rate's factor when a share of all steps is done."""


@dataclass(frozen=True)
class Trained:
    """A trained model, evenly spaced checkpoints, the last epoch's included, and the dynamics of a classifier."""

    model: nn.Module
    checkpoints: list[Checkpoint]
    dynamics: Dynamics | None


class Training:
    """All that the rest of a training depends on, besides the global generator: initialisation and dropout draw there.

    Args:
        model: freshly initialised.
        recipe: how it is trained.
        n: training rows.
        seed: of the order of the batches and of augmentation.
        shuffled: whether each epoch has an order of its own.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, n: int, seed: int, shuffled: bool = True) -> None:
        self.model, self.recipe, self.n, self.shuffled = model, recipe, n, shuffled
        self.device = place(model)
        self.generator = torch.Generator().manual_seed(seed)
        self.steps = len(batch_sizes(n, recipe.batch_size))
        self.optimizer, self.scheduler = prepare_optimizer(model, recipe, self.steps)
        self.epoch = 0
        self.checkpoints: list[Checkpoint] = []
        self.observed: list[Tensor] = []

    def batches(self) -> Iterator[Tensor]:
        """An epoch's rows, in random order if they are shuffled, batch by batch."""
        order = torch.randperm(self.n, generator=self.generator) if self.shuffled else torch.arange(self.n)
        yield from order.split(batch_sizes(self.n, self.recipe.batch_size))

    def keep(self, learning_rate: float) -> None:
        """Keep a checkpoint of the epoch that has ended, without what is frozen, if it is one of those to keep."""
        many, epochs = self.recipe.checkpoints, self.recipe.epochs
        if self.epoch in {round((k + 1) * epochs / many) for k in range(many)}:
            frozen = {name for name, parameter in self.model.named_parameters() if not parameter.requires_grad}
            state = {name: t.detach().clone() for name, t in self.model.state_dict().items() if name not in frozen}
            self.checkpoints.append(Checkpoint(state, learning_rate))


class Watch:
    """Is told of a training as it goes; this one does nothing. What it does is no matter of the result."""

    def begin(self, training: Training) -> None:
        """Before the first step: the training may be put into the state of one that was interrupted."""

    def step(self) -> None:
        """After each step."""

    def epoch(self, training: Training) -> None:
        """After each epoch."""


def train(
    architecture: Architecture,
    examples: Examples,
    classes: int,
    seed: int,
    watch: Watch | None = None,
    *,
    shuffled: bool = True,
    share: float = 1.0,
    device: torch.device | str = "cpu",
) -> Trained:
    """A freshly initialised model trained by its recipe: the same seed gives the same bits on a CPU.

    On any device it begins from the same bits and sees the same batches, augmented alike; dropout is drawn there.

    Args:
        architecture: with its recipe and its loss.
        examples: training rows.
        classes: how many.
        seed: of the initialisation, the order of the batches and what is random in them.
        watch: is told of the training as it goes.
        shuffled: whether each epoch has an order of its own.
        share: of the recipe's epochs after which to stop, one epoch at least; the schedule is that of all of them.
        device: where the model is trained, and stays.

    Raises:
        InputError: if the training diverges.
    """
    watch, device = watch or Watch(), torch.device(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        model = architecture.build(examples.shape, classes).to(device)
        training = Training(model, architecture.recipe, len(examples), seed, shuffled)
        watch.begin(training)
        model.train()
        while training.epoch < max(1, round(share * architecture.recipe.epochs)):
            _train_epoch(training, architecture, examples, watch)
            watch.epoch(training)
    training.optimizer.zero_grad()
    model.eval()
    dynamics = Dynamics(*torch.stack(training.observed, 1)) if training.observed else None
    return Trained(model, training.checkpoints, dynamics)


def trainer(architecture: Architecture, classes: int, device: torch.device | str = "cpu") -> Trainer:
    """Training by an architecture's recipe on a device, as methods that retrain a problem's model ask for it.

    A classifier gets more classes where a label names one.
    """

    def trained(rows: Examples, seed: int, share: float = 1.0) -> tuple[nn.Module, Dynamics | None]:
        known = classes if architecture.loss is not None else max(classes, int(rows.y.max()) + 1)
        result = train(architecture, rows, known, seed, share=share, device=device)
        return result.model, result.dynamics

    return trained


def _train_epoch(training: Training, architecture: Architecture, examples: Examples, watch: Watch) -> None:
    rate = training.optimizer.param_groups[0]["lr"]
    figures = torch.empty(3, len(examples), device=training.device)
    for rows in training.batches():
        batch = examples[rows].trimmed().to(training.device)
        if training.recipe.augment:
            batch = batch.mapped(lambda x: augmented(x, training.generator))
        outputs = batch.through(training.model)
        training.optimizer.zero_grad()
        (architecture.loss or F.cross_entropy)(outputs, batch.y).mean().backward()
        training.optimizer.step()
        training.scheduler.step()
        if architecture.loss is None:
            figures[:, rows] = observed(outputs, batch.y)
        watch.step()
    if architecture.loss is None:
        if not figures.isfinite().all():
            raise InputError(
                f"the training of {architecture.name} diverges in epoch {training.epoch + 1}: scale the inputs"
            )
        training.observed.append(figures.cpu())
    training.epoch += 1
    training.keep(rate)


def batch_sizes(n: int, size: int) -> list[int]:
    """Rows of each batch of an epoch; a last one of a single row joins the one before: it has no batch statistics."""
    sizes = [size] * (n // size) + [n % size] * (n % size > 0)
    return [*sizes[:-2], size + 1] if len(sizes) > 1 and sizes[-1] == 1 else sizes


def augmented(x: Tensor, generator: torch.Generator) -> Tensor:
    """Images (B, C, H, W), each mirrored with probability one half and shifted by up to four pixels.

    The generator is that of the CPU, wherever the images are.
    """
    batch, channels, height, width = x.shape
    mirrored = (torch.rand(batch, 1, 1, 1, generator=generator) < 0.5).to(x.device)
    down, right = torch.randint(2 * SHIFT + 1, (2, batch, 1), generator=generator).to(x.device)
    padded = F.pad(torch.where(mirrored, x.flip(3), x), (SHIFT,) * 4)
    with x.device:
        rows, columns = down + torch.arange(height), right + torch.arange(width)
        images, planes = torch.arange(batch)[:, None, None, None], torch.arange(channels)[None, :, None, None]
    return padded[images, planes, rows[:, None, :, None], columns[:, None, None, :]]


def prepare_optimizer(
    model: nn.Module, recipe: Recipe, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """The recipe's optimizer of the parameters that are to be trained, and its scheduler; `steps` are an epoch's."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    rate, decay, total = recipe.learning_rate, recipe.weight_decay, recipe.epochs * steps
    optimizer: torch.optim.Optimizer
    if recipe.optimizer == "adam":
        optimizer = torch.optim.Adam(parameters, rate, weight_decay=decay)
    elif recipe.optimizer == "adamw":
        optimizer = torch.optim.AdamW(parameters, rate, weight_decay=decay)
    else:
        nesterov = recipe.optimizer == "nesterov"
        optimizer = torch.optim.SGD(parameters, rate, momentum=0.9, nesterov=nesterov, weight_decay=decay)
    if recipe.schedule == "one-cycle":
        return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total)
    factor = FACTORS[recipe.schedule]
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: factor(done / total))


def accuracy(model: nn.Module, examples: Examples) -> float:
    """The share of rows whose label, or every label that counts of several, is what the model predicts."""
    right = (predictions(model, examples) == examples.y) | (examples.y == IGNORED)
    return float(right.reshape(len(examples), -1).all(1).double().mean())


@torch.no_grad()
def predictions(model: nn.Module, examples: Examples) -> Tensor:
    """Predicted classes (n,), or next tokens (n, L)."""
    starts = range(0, len(examples), LOOKED_AT)
    batches = (examples[start : start + LOOKED_AT].trimmed().to(place(model)) for start in starts)
    with evaluating(model):
        return torch.cat([batch.through(model).argmax(-1) for batch in batches]).cpu()


def place(model: nn.Module) -> torch.device:
    """The device that the model is on."""
    return next(model.parameters()).device
