"""Models by name, each with the recipe that trains it."""

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Size, Tensor, nn
from torch.nn import functional as F

from .arguments import Registered, bracketed
from .errors import InputError, unknown
from .examples import Examples
from .problem import Loss
from .texts import Texts

Build = Callable[..., nn.Module]
IGNORED = -100  # a label that counts in no loss, as torch's losses have it
TEXT_MODELS = ("sentence_encoder", "causal_lm")
WORD_FEATURES = 2**12


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


def words_counted(examples: Examples) -> Examples:
    """Texts as hashed counts of their words and pairs of words, of length 1 (n, 4096); other inputs as they are."""
    if not isinstance(examples.x, Texts):
        return examples
    from sklearn.feature_extraction.text import HashingVectorizer

    counts = HashingVectorizer(n_features=WORD_FEATURES, ngram_range=(1, 2), alternate_sign=False)
    joined = (" ".join(row) for row in examples.x)
    return Examples(torch.from_numpy(counts.transform(joined).toarray()).float(), examples.y)


@dataclass(frozen=True)
class Architecture(Registered):
    """A registered model: the function that builds it for an input shape and a number of classes, and its recipe.

    Args:
        recipe: how it is trained.
        loss: of a batch's outputs and labels, with any reduction; None is cross-entropy on logits.
        encode: makes tensors of a dataset's rows, with the arguments of its names.
        origin: tells what is built on apart from code, with the arguments of its names: the digest of weights.
        libraries: what is imported on the first use.
        given: arguments of the function.
    """

    recipe: Recipe
    loss: Loss | None = None
    encode: Callable[..., Examples] = words_counted
    origin: Callable[..., str] | None = None
    libraries: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """Every parameter of the function after the shape and the number of classes."""
        return dict(list(super().arguments.items())[2:])

    def build(self, shape: Size, classes: int) -> nn.Module:
        """The model, freshly initialised from the global generator."""
        module: nn.Module = self.function(shape, classes, **self.given)
        return module

    def encoded(self, examples: Examples) -> Examples:
        """Rows as the tensors that the model takes."""
        encoded: Examples = self._with_arguments(self.encode)(examples)
        return encoded

    def foundation(self) -> str:
        """What the model is built on apart from the code, as a digest."""
        return "" if self.origin is None else self._with_arguments(self.origin)()

    def _with_arguments(self, function: Callable[..., Any]) -> Callable[..., Any]:
        whole = {name: parameter.default for name, parameter in self.arguments.items()} | dict(self.given)
        taken = inspect.signature(function).parameters
        return partial(function, **{name: value for name, value in whole.items() if name in taken})


_architectures: dict[str, Architecture] = {}


def model(
    *,
    loss: Loss | None = None,
    encode: Callable[..., Examples] = words_counted,
    origin: Callable[..., str] | None = None,
    libraries: tuple[str, ...] = (),
    **recipe: Any,
) -> Callable[[Build], Build]:
    """Register a function `(input shape without the batch, classes, **arguments) -> module` with its recipe."""

    def register(build: Build) -> Build:
        name = build.__name__.replace("_", "-")
        _architectures[name] = Architecture(name, build, Recipe(**recipe), loss, encode, origin, libraries)
        return build

    return register


def architectures() -> dict[str, Architecture]:
    """Every model by name."""
    for module in TEXT_MODELS:
        importlib.import_module(f".{module}", __package__)
    return dict(_architectures)


def find(text: str) -> Architecture:
    """The model that `name` or `name[key=value,...]` asks for.

    Raises:
        InputError: with the nearest names, if there is none, or an argument is unknown.
    """
    name, texts = bracketed(text, "model")
    known = architectures()
    if name not in known:
        raise unknown("model", name, known)
    return replace(known[name], given=known[name].typed(texts))


def describe(architecture: Architecture) -> dict[str, Any]:
    """Name, idea and recipe, flat, for tables."""
    return {"model": architecture.name, "idea": architecture.idea, **asdict(architecture.recipe)}


@model(epochs=50, batch_size=64, optimizer="adam", learning_rate=1e-2)
def logistic(shape: Size, classes: int) -> nn.Module:
    """Multinomial logistic regression on the flattened input."""
    return nn.Sequential(nn.Flatten(), nn.Linear(shape.numel(), classes))


@model(epochs=30, batch_size=64, optimizer="adam", learning_rate=2e-2, weight_decay=3e-3, schedule="one-cycle")
def mlp(shape: Size, classes: int, width: int = 128) -> nn.Module:
    """Two hidden layers of 128 and 64 rectified units, or of another width and half of it."""
    if width < 2:
        raise InputError(f"mlp: width={width} does not fit: at least 2")
    widths = (shape.numel(), width, width // 2)
    hidden = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(width // 2, classes))


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
