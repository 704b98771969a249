"""One training loop for every model and every arm, deterministic under its seed."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .examples import Examples
from .models import Architecture, Recipe
from .problem import Checkpoint, evaluating

SHIFT = 4


def train(
    architecture: Architecture,
    examples: Examples,
    classes: int,
    seed: int,
    *,
    shuffled: bool = True,
    after_epoch: Callable[[nn.Module], None] | None = None,
) -> tuple[nn.Module, list[Checkpoint]]:
    """A freshly initialised model trained by its recipe, and evenly spaced checkpoints, the last epoch's included.

    Args:
        architecture: the model and its recipe.
        examples: the training rows.
        classes: how many there are.
        seed: of the initialisation and the order of the rows.
        shuffled: whether each epoch has an order of its own.
        after_epoch: told of the model after each epoch.
    """
    with torch.random.fork_rng():  # initialisation and dropout draw from the global generator
        torch.manual_seed(seed)
        model = architecture.build(examples.x.shape[1:], classes)
        return model, _trained(model, architecture.recipe, examples, seed, shuffled, after_epoch)


def _trained(
    model: nn.Module,
    recipe: Recipe,
    examples: Examples,
    seed: int,
    shuffled: bool,
    after_epoch: Callable[[nn.Module], None] | None,
) -> list[Checkpoint]:
    """Train the model; its checkpoints."""
    order = torch.Generator().manual_seed(seed)
    steps = -(-len(examples) // recipe.batch_size)
    optimizer, scheduler = prepare_optimizer(model, recipe, steps)
    kept = {round((k + 1) * recipe.epochs / recipe.checkpoints) for k in range(recipe.checkpoints)}
    checkpoints = []
    model.train()
    for epoch in range(1, recipe.epochs + 1):
        rate = optimizer.param_groups[0]["lr"]
        every = torch.randperm(len(examples), generator=order) if shuffled else torch.arange(len(examples))
        for rows in every.split(recipe.batch_size):
            if len(rows) == 1 and len(examples) > 1:
                continue  # batch normalisation cannot train on a single row
            optimizer.zero_grad()
            x = augmented(examples.x[rows], order) if recipe.augment else examples.x[rows]
            F.cross_entropy(model(x), examples.y[rows]).backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
        if after_epoch is not None:
            after_epoch(model)
        if epoch in kept:
            state = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
            checkpoints.append(Checkpoint(state, rate))
    optimizer.zero_grad()
    model.eval()
    return checkpoints


def augmented(x: Tensor, generator: torch.Generator) -> Tensor:
    """Images (B, C, H, W), each mirrored with probability one half and shifted by up to four pixels."""
    batch, channels, height, width = x.shape
    mirrored = torch.rand(batch, 1, 1, 1, generator=generator) < 0.5
    padded = F.pad(torch.where(mirrored, x.flip(3), x), (SHIFT,) * 4)
    down, right = torch.randint(2 * SHIFT + 1, (2, batch, 1), generator=generator)
    rows, columns = down + torch.arange(height), right + torch.arange(width)
    images, planes = torch.arange(batch)[:, None, None, None], torch.arange(channels)[None, :, None, None]
    return padded[images, planes, rows[:, None, :, None], columns[:, None, None, :]]


def prepare_optimizer(
    model: nn.Module, recipe: Recipe, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler | None]:
    """The recipe's optimizer, and its scheduler if the rate is not constant; `steps` are those of an epoch."""
    if recipe.optimizer == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam(
            model.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
        )
    else:
        optimizer = torch.optim.SGD(
            model.parameters(), recipe.learning_rate, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay
        )
    if recipe.schedule == "constant":
        return optimizer, None
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, recipe.epochs * steps)


def accuracy(model: nn.Module, examples: Examples) -> float:
    """The share of labels that the model predicts."""
    return float((predictions(model, examples.x) == examples.y).double().mean())


@torch.no_grad()
def predictions(model: nn.Module, x: Tensor) -> Tensor:
    """Predicted classes (n,)."""
    with evaluating(model):
        return torch.cat([model(part).argmax(1) for part in x.split(512)])
