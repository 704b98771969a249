"""Small images, architectures and recipes to train, and the comparison of two trainings bit by bit."""

import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.models.architecture import Architecture, Recipe

N, EPOCHS = 41, 4
X = torch.randn(N, 2, 6, 6, generator=torch.Generator().manual_seed(1))
ROWS = ib.Examples(X, torch.arange(N) % 3)
RECIPES = [
    Recipe(EPOCHS, 8, "adam", 0.01, schedule="one-cycle", checkpoints=2),
    Recipe(EPOCHS, 8, "adamw", 0.01, 0.1, schedule="linear", checkpoints=2),
    Recipe(EPOCHS, 8, "sgd", 0.05, 1e-3, schedule="drop", augment=True, checkpoints=2),
    Recipe(EPOCHS, 8, "nesterov", 0.05, augment=True, checkpoints=2),
]


def convolutional(shape, classes):
    """A model with every part of a training's state: buffers, dropout and a frozen parameter."""
    model = nn.Sequential(
        nn.Conv2d(shape[0], 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, classes)
    )
    model[0].bias.requires_grad_(False)
    return model


def linear(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape.numel(), classes))


def normalised(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(shape.numel()), nn.Linear(shape.numel(), classes))


def network(recipe, build=convolutional, **more):
    return Architecture("network", build, recipe, **more)


def same(first, second):
    """Whether two trainings ended in the same bits: model, checkpoints, dynamics."""
    states = [[t.model.state_dict(), *(c.state for c in t.checkpoints), t.dynamics.figures] for t in (first, second)]
    rates = [[c.learning_rate for c in t.checkpoints] for t in (first, second)]
    pairs = zip(*states, strict=True)
    return rates[0] == rates[1] and all(torch.equal(a[name], b[name]) for a, b in pairs for name in a | b)
