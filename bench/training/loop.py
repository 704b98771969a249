"""The training loop of every model, deterministic under its seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InputError
from ..models.architecture import IGNORED, Architecture, Recipe
from ..problem.checkpoint import Checkpoint
from ..problem.dynamics import Dynamics, observed
from ..problem.evaluation import evaluating
from ..problem.examples import Examples
from ..problem.problem import Trainer

SHIFT = 4
"""The largest shift of augmented images in pixels."""
EVALUATED_ROWS = 128  # rows in each forward pass without training: small batches of texts hold less padding
FACTORS: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
    "drop": lambda done: 1.0 if done < 0.6 else 0.1,
}
"""The factor of the learning rate after a share of all steps, for each schedule but `one-cycle`."""


@dataclass(frozen=True)
class Trained:
    """The result of a training.

    Args:
        model: the trained model, in evaluation mode.
        checkpoints: evenly spaced checkpoints; the last is that of the last epoch.
        dynamics: the training dynamics of a classifier; None for a model with a loss of its own.
    """

    model: nn.Module
    checkpoints: list[Checkpoint]
    dynamics: Dynamics | None


class Training:
    """The state of a training: all that its rest depends on, except torch's global generator, which dropout uses.

    Args:
        model: the freshly initialised model.
        recipe: how the model is trained.
        n: number of training rows.
        seed: for the order of the rows and for augmentation.
        shuffled: whether each epoch draws a new order of the rows.
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
        """The row numbers of each batch of an epoch."""
        order = torch.randperm(self.n, generator=self.generator) if self.shuffled else torch.arange(self.n)
        yield from order.split(batch_sizes(self.n, self.recipe.batch_size))

    def keep(self, learning_rate: float) -> None:
        """Add a checkpoint without frozen parameters, if the recipe keeps that of the epoch that has just ended."""
        count, epochs = self.recipe.checkpoints, self.recipe.epochs
        if self.epoch in {round((k + 1) * epochs / count) for k in range(count)}:
            frozen = {name for name, parameter in self.model.named_parameters() if not parameter.requires_grad}
            state = {name: t.detach().clone() for name, t in self.model.state_dict().items() if name not in frozen}
            self.checkpoints.append(Checkpoint(state, learning_rate))


class Watch:
    """Callbacks of a training, which do nothing here. They must not change its result."""

    def begin(self, training: Training) -> None:
        """Called before the first step; may restore the state of an interrupted training."""

    def step(self) -> None:
        """Called after each step."""

    def epoch(self, training: Training) -> None:
        """Called after each epoch."""


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
    """Initialise a model and train it by its recipe; on a CPU, the same seed gives the same bits.

    On every device, the training starts from the same bits and sees the same batches with the same augmentation; only
    dropout is drawn on the device.

    Args:
        architecture: the model, with its recipe and its loss.
        examples: training rows.
        classes: number of classes.
        seed: for the initialisation, the order of the rows, augmentation and dropout.
        watch: its callbacks are called during the training.
        shuffled: whether each epoch draws a new order of the rows.
        share: train for this share of the recipe's epochs, at least one; the schedule stays that of all epochs.
        device: where to train the model; the model stays there.

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
    """A function that trains the architecture by its recipe, for methods that retrain a problem's model.

    If a label is not below the number of classes, a classifier gets enough classes for it.

    Args:
        architecture: the model, with its recipe and its loss.
        classes: number of classes.
        device: where to train.
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
    """The sizes of an epoch's batches: as many as come nearest to the size asked for, alike to within one row.

    A short last batch would disturb batch normalisation: on CIFAR-10N, a last batch of six rows costs a small residual
    network 4.8 points of accuracy, so that models trained without some of the rows could not be compared.
    """
    count = max(1, round(n / size))
    return [n // count + (k < n % count) for k in range(count)]


def augmented(x: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image (B, C, H, W) with probability 1/2, and shift it by up to four pixels in each direction.

    The generator is on the CPU, whatever the device of the images.
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
    """The recipe's optimizer and scheduler.

    Args:
        model: the optimizer gets its parameters that require gradients.
        recipe: names the optimizer and the schedule.
        steps: number of steps in each epoch.
    """
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
    """The share of rows whose label the model predicts; if a row has several labels, all but ignored ones count."""
    right = (predictions(model, examples) == examples.y) | (examples.y == IGNORED)
    return float(right.reshape(len(examples), -1).all(1).double().mean())


@torch.no_grad()
def predictions(model: nn.Module, examples: Examples) -> Tensor:
    """The predicted classes (n,), or next tokens (n, L), on the CPU."""
    starts = range(0, len(examples), EVALUATED_ROWS)
    batches = (examples[start : start + EVALUATED_ROWS].trimmed().to(place(model)) for start in starts)
    with evaluating(model):
        return torch.cat([batch.through(model).argmax(-1) for batch in batches]).cpu()


def place(model: nn.Module) -> torch.device:
    """The device of the model."""
    return next(model.parameters()).device
