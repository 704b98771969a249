"""Models by name, each with the recipe that trains it."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal

from torch import Size, Tensor, nn
from torch.nn import functional as F

from .errors import unknown
from .problem import Loss

Build = Callable[[Size, int], nn.Module]


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: on shuffled batches, to the last epoch.

    Args:
        epochs: passes over the training rows.
        batch_size: rows a step; a single row left over at the end of an epoch joins the last batch.
        optimizer: stochastic gradient descent has momentum 0.9, `nesterov` Nesterov's.
        learning_rate: the highest.
        weight_decay: on every parameter.
        schedule: of the rate from step to step. `one-cycle` rises and falls (Smith & Topin 2018), `linear` falls to
            zero, `drop` falls to a tenth after three fifths of the steps.
        augment: mirror images at random and shift them by up to four pixels, as is usual on CIFAR (He et al. 2016).
        checkpoints: how many are kept, evenly spaced, the last epoch's included.
    """

    epochs: int
    batch_size: int
    optimizer: Literal["adam", "adamw", "sgd", "nesterov"]
    learning_rate: float
    weight_decay: float = 0.0
    schedule: Literal["constant", "one-cycle", "linear", "drop"] = "constant"
    augment: bool = False
    checkpoints: int = 5


@dataclass(frozen=True)
class Architecture:
    """A registered model: the function that builds it for an input shape and a number of classes, and its recipe.

    `loss` is of a batch's outputs and labels, with any reduction; None is cross-entropy on logits.
    """

    name: str
    build: Build
    recipe: Recipe
    loss: Loss | None = None

    @property
    def idea(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.build) or "").partition("\n")[0]


architectures: dict[str, Architecture] = {}


def model(*, loss: Loss | None = None, **recipe: Any) -> Callable[[Build], Build]:
    """Register a function `(input shape without the batch, classes) -> module` with its recipe."""

    def register(build: Build) -> Build:
        name = build.__name__.replace("_", "-")
        architectures[name] = Architecture(name, build, Recipe(**recipe), loss)
        return build

    return register


def find(name: str) -> Architecture:
    """The model of that name.

    Raises:
        InputError: with the nearest names, if there is none.
    """
    if name not in architectures:
        raise unknown("model", name, architectures)
    return architectures[name]


def describe(architecture: Architecture) -> dict[str, Any]:
    """Name, idea and recipe, flat, for tables."""
    return {"model": architecture.name, "idea": architecture.idea, **asdict(architecture.recipe)}


@model(epochs=50, batch_size=64, optimizer="adam", learning_rate=1e-2)
def logistic(shape: Size, classes: int) -> nn.Module:
    """Multinomial logistic regression on the flattened input."""
    return nn.Sequential(nn.Flatten(), nn.Linear(shape.numel(), classes))


@model(epochs=30, batch_size=64, optimizer="adam", learning_rate=2e-2, weight_decay=3e-3, schedule="one-cycle")
def mlp(shape: Size, classes: int) -> nn.Module:
    """Two hidden layers of 128 and 64 rectified units."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(shape.numel(), 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, classes)
    )


@model(
    epochs=15,
    batch_size=128,
    optimizer="nesterov",
    learning_rate=0.1,
    weight_decay=5e-4,
    schedule="one-cycle",
    augment=True,
)
def small_resnet(shape: Size, classes: int) -> nn.Module:
    """Three residual blocks of 32, 64 and 128 channels with batch normalisation: 0.3 million parameters."""
    return _residual(shape, classes, (32, 32, 64, 128), stride=2)


@model(
    epochs=30,
    batch_size=128,
    optimizer="nesterov",
    learning_rate=0.1,
    weight_decay=5e-4,
    schedule="one-cycle",
    augment=True,
)
def resnet_18(shape: Size, classes: int) -> nn.Module:
    """ResNet-18 as it is for CIFAR, without pooling after the first convolution: 11 million parameters."""
    return _residual(shape, classes, (64, *[64] * 2, *[128] * 2, *[256] * 2, *[512] * 2), stride=1)


@model(
    epochs=100,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.1,
    weight_decay=5e-4,
    schedule="drop",
    augment=True,
)
def resnet_34(shape: Size, classes: int) -> nn.Module:
    """ResNet-34 as it is for CIFAR, by the recipe of Outlier Gradient Analysis: 21 million parameters."""
    return _residual(shape, classes, (64, *[64] * 3, *[128] * 4, *[256] * 6, *[512] * 3), stride=1)


def _residual(shape: Size, classes: int, widths: Sequence[int], stride: int) -> nn.Module:
    """A convolution to the first width, a residual block to each of the others, halving where it grows; their mean."""
    return nn.Sequential(
        nn.Conv2d(shape[0], widths[0], 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(),
        *(ResidualBlock(inputs, outputs, 1 if inputs == outputs else 2) for inputs, outputs in pairwise(widths)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(widths[-1], classes),
    )


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions around a shortcut (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        conv = partial(nn.Conv2d, bias=False)
        self.conv1, self.norm1 = conv(inputs, outputs, 3, stride=stride, padding=1), nn.BatchNorm2d(outputs)
        self.conv2, self.norm2 = conv(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(conv(inputs, outputs, 1, stride=stride), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        out = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))
