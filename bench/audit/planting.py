"""Wrong labels that are planted in a person's data, to see which way of ranking finds most of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from ..problem.examples import Examples
from ..progress import Progress
from ..registry.score import score
from ..results.audit import Contender
from ..results.metrics import evaluate
from .evidence import Evidence

SHARE = 0.1
FLOOR = 0.1
"""The share of planted labels that are drawn uniformly; the others are of the kinds that the data seem to have."""


@dataclass(frozen=True)
class Draw:
    """One planting, scored.

    Attributes:
        y: the labels (n,) as class indices, planted ones in their places.
        is_planted: whether a row's label was changed, bool (n,).
        scores: (n,) by contender.
        seconds: by contender.
    """

    y: NDArray[np.int64]
    is_planted: NDArray[np.bool_]
    scores: dict[tuple[str, str], NDArray[np.float64]]
    seconds: dict[tuple[str, str], float]


def confusions(p: NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.float64]:
    """The chance (classes, classes) that a planted label takes the place of a label.

    A label becomes another as often as, by the model's probabilities p (n, classes), rows of the first seem to have
    got the second: errors that are planted are then of the kinds that the data have, as confident learning counts them
    (Northcutt et al. 2021). Where no row seems so, any other label is as likely.
    """
    classes = p.shape[1]
    counts = np.zeros((classes, classes))
    np.add.at(counts, (p.argmax(1), y), 1)
    np.fill_diagonal(counts, 0)
    uniform = (1 - np.eye(classes)) / (classes - 1)
    total = counts.sum(1, keepdims=True)
    shares = np.where(total > 0, counts / np.where(total > 0, total, 1), uniform)
    mixed: NDArray[np.float64] = (1 - FLOOR) * shares + FLOOR * uniform
    return mixed


def plant(
    y: NDArray[np.int64], confused: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Change the labels of a share of the rows, and tell which."""
    rows = rng.choice(len(y), max(1, round(SHARE * len(y))), replace=False)
    cumulated = confused[y[rows]].cumsum(1)
    changed = y.copy()
    changed[rows] = (rng.random(len(rows))[:, None] * cumulated[:, -1:] >= cumulated).sum(1)
    return changed, changed != y


def drawn(
    evidence: Sequence[Evidence],
    rows: Examples,
    classes: int,
    confused: NDArray[np.float64],
    draws: int,
    seed: int,
    shown: Progress,
) -> list[Draw]:
    """Plant wrong labels several times, and score the rows in every way each time."""
    planted = []
    for number in range(draws):
        y, is_planted = plant(rows.y.numpy(), confused, np.random.default_rng([seed, number]))
        scores, seconds = scored(evidence, Examples(rows.x, torch.from_numpy(y)), classes, seed + number, shown)
        planted.append(Draw(y, is_planted, scores, seconds))
    return planted


def scored(
    evidence: Sequence[Evidence], rows: Examples, classes: int, seed: int, shown: Progress
) -> tuple[dict[tuple[str, str], NDArray[np.float64]], dict[tuple[str, str], float]]:
    """Scores (n,) and seconds of every contender, by the names of its evidence and its method."""
    scores, seconds = {}, {}
    for judged_by in evidence:
        shown.started(judged_by.name)
        began = perf_counter()
        problem = judged_by.make(rows, classes, seed)
        training = perf_counter() - began
        for method in judged_by.methods:
            began = perf_counter()
            scores[judged_by.name, method] = score([method], problem)[method]
            seconds[judged_by.name, method] = training + perf_counter() - began
        shown.finished(judged_by.name)
    return scores, seconds


def ranked(draws: Sequence[Draw]) -> list[tuple[tuple[str, str], Contender]]:
    """The contenders, those that find planted labels best first."""
    found = []
    for key in draws[0].scores:
        figures = [evaluate(draw.scores[key], draw.is_planted) for draw in draws]
        aucs, precision = ([figure[name] for figure in figures] for name in ("roc_auc", "precision_at_k"))
        seconds = float(np.mean([draw.seconds[key] for draw in draws]))
        found.append((key, Contender(f"{key[1]} on {key[0]}", aucs, precision, seconds)))
    return sorted(found, key=lambda pair: -np.mean(pair[1].auc))
