"""What the small recipes reach on clean labels, held to goals: a model that has learned little tells little."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from ...datasets import dataset as datasets
from ..errors import unknown
from .prepare import prepared, record


@dataclass(frozen=True)
class Goal:
    """The test accuracy that a model must reach on all training rows of a dataset, their labels clean."""

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


def reached(names: Sequence[str] | None = None, seeds: int = 1) -> Iterator[tuple[Goal, float]]:
    """Each goal and the test accuracy at the last epoch, averaged over seeds; what is not prepared yet is trained.

    Args:
        names: datasets; default all that have a goal.
        seeds: how many, from 0; each has its own split, where a dataset has no official one.

    Raises:
        InputError: for a dataset that has no goal or cannot be loaded.
    """
    for name in names or GOALS:
        if name not in GOALS:
            raise unknown("goal for the dataset", name, GOALS)
        goal = GOALS[name]
        folders = [prepared(datasets.load(name, seed=seed), goal.model, seed) for seed in range(seeds)]
        yield goal, mean(record(folder)["model_accuracy"] for folder in folders)
