"""The registry of models: an architecture builds a module, and its recipe trains it."""

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
IGNORED = -100
"""The label that no loss counts: the default `ignore_index` of torch's losses."""
WORD_FEATURES = 2**12


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: on shuffled batches, for a fixed number of epochs.

    Args:
        epochs: passes over the training rows.
        batch_size: rows in each step; if a single row is left over at the end of an epoch, it joins the last batch.
        optimizer: `sgd` is stochastic gradient descent with momentum 0.9, `nesterov` the same with Nesterov momentum.
        learning_rate: the highest learning rate of the schedule.
        weight_decay: applies to every parameter.
        schedule: how the learning rate changes from step to step. `one-cycle` rises and falls (Smith & Topin 2018),
            `linear` falls to zero, `drop` falls to a tenth after three fifths of the steps.
        augment: whether to mirror images at random and to shift them by up to four pixels, as is usual on CIFAR
            (He et al. 2016).
        checkpoints: number of checkpoints to keep, evenly spaced; the last is that of the last epoch.
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
    """Encode texts as hashed counts (n, 4096) of words and word pairs, with L2 norm 1; other inputs stay as is."""
    if not isinstance(examples.x, Texts):
        return examples
    from sklearn.feature_extraction.text import HashingVectorizer

    counts = HashingVectorizer(n_features=WORD_FEATURES, ngram_range=(1, 2), alternate_sign=False)
    joined = (" ".join(row) for row in examples.x)
    return Examples(torch.from_numpy(counts.transform(joined).toarray()).float(), examples.y)


@dataclass(frozen=True)
class Architecture(Registered):
    """A registered model: a function that builds it for an input shape and a number of classes, and its recipe.

    `encode` and `origin` also receive those of the model's arguments that have the names of their parameters.

    Args:
        recipe: how the model is trained.
        loss: function of a batch's outputs and labels, with any reduction; None means cross-entropy on logits.
        encode: turns examples of a dataset into examples whose inputs are tensors.
        origin: returns a digest of what the model starts from besides code, such as pre-trained weights.
        libraries: optional libraries that the model imports on its first use.
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
        """Build the model, freshly initialised from torch's global generator."""
        module: nn.Module = self.function(shape, classes, **self.given)
        return module

    def encoded(self, examples: Examples) -> Examples:
        """Encode examples as the tensors that the model takes."""
        encoded: Examples = self._with_arguments(self.encode)(examples)
        return encoded

    def foundation(self) -> str:
        """A digest of what the model starts from besides code; empty if it starts from nothing."""
        return "" if self.origin is None else self._with_arguments(self.origin)()

    def _with_arguments(self, function: Callable[..., Any]) -> Callable[..., Any]:
        arguments = {name: parameter.default for name, parameter in self.arguments.items()} | dict(self.given)
        taken = inspect.signature(function).parameters
        return partial(function, **{name: value for name, value in arguments.items() if name in taken})


MODELS: Registry[Architecture] = Registry("model", "influence_bench.bench.models")


def model(
    *,
    loss: Loss | None = None,
    encode: Callable[..., Examples] = words_counted,
    origin: Callable[..., str] | None = None,
    libraries: tuple[str, ...] = (),
    **recipe: Any,
) -> Callable[[Build], Build]:
    """Register a function `(shape of a row, number of classes, **arguments) -> module` with its recipe.

    Args:
        loss: as in `Architecture`.
        encode: as in `Architecture`.
        origin: as in `Architecture`.
        libraries: as in `Architecture`.
        recipe: the fields of `Recipe`.
    """

    def register(build: Build) -> Build:
        MODELS.add(Architecture(name_of(build), build, Recipe(**recipe), loss, encode, origin, libraries))
        return build

    return register


def find_model(text: str) -> Architecture:
    """The model that `name` or `name[key=value,...]` names, with these arguments.

    Raises:
        InputError: if the model or an argument is unknown, with the nearest names; or if a value does not fit.
    """
    architecture, given = MODELS.parse(text)
    return replace(architecture, given=given)


def describe(architecture: Architecture) -> dict[str, Any]:
    """Name, idea and recipe as a row of a table."""
    return {"model": architecture.name, "idea": architecture.idea, **asdict(architecture.recipe)}
