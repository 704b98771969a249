"""What labels are judged by: a model of the rows, trained on all of them or on the others, as a problem to score."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..models.architecture import find_model
from ..problem.examples import Examples
from ..problem.problem import Problem
from ..training.loop import train, trainer

FOLDS = 5
TREES = 1000
"""The most trees that boosting grows: a tree for each class in each of at most a hundred rounds."""
SMALLEST = 1e-9  # a probability is at least this, so that its logarithm is finite

Predict = Callable[[Tensor], NDArray[np.float64]]
Fit = Callable[[Examples, int, int], Predict]
Make = Callable[[Examples, int, int], Problem]


@dataclass(frozen=True)
class Evidence:
    """What some methods judge labels by.

    Attributes:
        name: of the model and the rows that it is trained on, as in `boosted trees, out of sample`.
        make: the problem, from rows with given labels, the number of classes and a seed.
        methods: that score it.
    """

    name: str
    make: Make
    methods: tuple[str, ...]


class Recorded(nn.Module):
    """A model that looks the outputs of its rows up; its inputs are row numbers."""

    logits: Tensor

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.register_buffer("logits", logits)

    def forward(self, rows: Tensor) -> Tensor:
        """Map row numbers (B,) to logits (B, classes)."""
        return self.logits[rows]


def recorded(p: NDArray[np.float64], y: Tensor, seed: int = 0) -> Problem:
    """A problem whose model has given class probabilities (n, classes) for the rows with labels `y` (n,)."""
    logits = torch.from_numpy(p).double().clamp(min=SMALLEST).log()
    return Problem(Recorded(logits), Examples(torch.arange(len(y)), y), seed=seed)


def out_of_sample(fit: Fit) -> Make:
    """Judge each row by a model that was trained on the other folds of the rows."""

    def make(rows: Examples, classes: int, seed: int) -> Problem:
        from sklearn.model_selection import StratifiedKFold

        y = rows.y.numpy()
        p = np.zeros((len(y), classes))
        folds = StratifiedKFold(int(min(FOLDS, np.bincount(y).max())), shuffle=True, random_state=seed)
        with catch_warnings():
            simplefilter("ignore", UserWarning)  # a class may have fewer rows than there are folds
            parts = list(folds.split(np.zeros(len(y)), y))
        for others, held_out in parts:
            p[held_out] = fit(rows[others], classes, seed)(rows[held_out].x)
        return recorded(p, rows.y, seed)

    return make


def in_sample(model: str) -> Make:
    """Judge each row by a registered model that was trained on all rows."""
    architecture = find_model(model)

    def make(rows: Examples, classes: int, seed: int) -> Problem:
        result = train(architecture, rows, classes, seed)
        again = trainer(architecture, classes)
        return Problem(
            result.model,
            rows,
            checkpoints=result.checkpoints,
            loss=architecture.loss,
            seed=seed,
            dynamics=result.dynamics,
            trainer=again,
        )

    return make


def network(model: str) -> Fit:
    """Fit a registered model."""
    architecture = find_model(model)

    def fit(rows: Examples, classes: int, seed: int) -> Predict:
        trained = train(architecture, rows, classes, seed).model
        return lambda x: Problem(trained, Examples(x, torch.zeros(len(x), dtype=torch.long))).probabilities().numpy()

    return fit


def boosted_trees(rows: Examples, classes: int, seed: int) -> Predict:
    """Fit gradient-boosted trees on histograms."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rounds = max(10, min(100, TREES // classes))
    return _estimator(HistGradientBoostingClassifier(max_iter=rounds, early_stopping=False), rows, classes, seed)


def logistic_regression(rows: Examples, classes: int, seed: int) -> Predict:
    """Fit a multinomial logistic regression with an L2 penalty."""
    from sklearn.linear_model import LogisticRegression

    return _estimator(LogisticRegression(max_iter=200), rows, classes, seed)


def _estimator(estimator: Any, rows: Examples, classes: int, seed: int) -> Predict:
    known = rows.y.unique()
    if len(known) == 1:  # the only row of another class is held out
        return lambda x: np.eye(classes)[np.full(len(x), int(known))]
    with catch_warnings():
        simplefilter("ignore")  # lbfgs warns where a few more steps would change the fourth digit
        fitted = estimator.set_params(random_state=seed).fit(rows.x.flatten(1).numpy(), rows.y.numpy())

    def predict(x: Tensor) -> NDArray[np.float64]:
        p = np.zeros((len(x), classes))
        p[:, fitted.classes_] = fitted.predict_proba(x.flatten(1).numpy())
        return p

    return predict
