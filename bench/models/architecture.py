"""Models by name, each with the recipe that trains it."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Size, nn

from ..problem.examples import Examples
from ..problem.problem import Loss
from ..problem.texts import Texts
from ..registry.arguments import Registered
from ..registry.registry import Registry, name_of

Build = Callable[..., nn.Module]
IGNORED = -100  # a label that counts in no loss, as torch's losses have it
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


MODELS: Registry[Architecture] = Registry("model", "influence_bench.bench.models")


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
        MODELS.add(Architecture(name_of(build), build, Recipe(**recipe), loss, encode, origin, libraries))
        return build

    return register


def find_model(text: str) -> Architecture:
    """The model that `name` or `name[key=value,...]` asks for.

    Raises:
        InputError: with the nearest names, if there is none, or an argument is unknown.
    """
    architecture, given = MODELS.parse(text)
    return replace(architecture, given=given)


def describe(architecture: Architecture) -> dict[str, Any]:
    """Name, idea and recipe, flat, for tables."""
    return {"model": architecture.name, "idea": architecture.idea, **asdict(architecture.recipe)}
