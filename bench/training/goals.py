"""Goals for the small recipes: the test accuracy that they must reach on clean labels.

A model that has learned little says little about its training rows, so each recipe has to earn its place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from ...datasets.dataset import load
from ..errors import unknown
from .prepare import facts_of, prepared


@dataclass(frozen=True)
class Goal:
    """The test accuracy that a model must reach when it is trained on all rows of a dataset with clean labels."""

    dataset: str
    model: str
    accuracy: float


GOALS = {
    goal.dataset: goal
    for goal in (
        Goal("digits", "mlp", 0.97),
        Goal("fashion-mnist", "small-resnet", 0.88),
        Goal("cifar10n", "small-resnet", 0.75),
    )
}
"""The goals by dataset."""


def reached(names: Sequence[str] | None = None, seeds: int = 1) -> Iterator[tuple[Goal, float]]:
    """Yield each goal with the model's test accuracy after the last epoch, averaged over seeds.

    Problems that are not prepared yet are prepared, which trains their models.

    Args:
        names: datasets; default all datasets with a goal.
        seeds: number of seeds, from 0; each has its own split, unless the dataset has an official split.

    Raises:
        InputError: if a dataset has no goal or cannot be loaded.
    """
    for name in names or GOALS:
        if name not in GOALS:
            raise unknown("goal for the dataset", name, GOALS)
        goal = GOALS[name]
        folders = [prepared(load(name, seed=seed), goal.model, seed) for seed in range(seeds)]
        yield goal, mean(facts_of(folder).model_accuracy for folder in folders)
