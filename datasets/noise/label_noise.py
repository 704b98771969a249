"""Kinds of label noise: each function gives wrong labels to exactly round(rate × n) clean rows."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ...bench.errors import InputError
from .kinds import noise
from .rows import Indices, Rows

DIRECTIONS = 128
"""The number of random directions to which `boundary` reduces wider inputs."""


@noise
def symmetric(rows: Rows, rng: np.random.Generator, *, rate: float) -> Rows:
    """Give any other class, each with equal probability."""
    _need_classes("symmetric", rows, 2)
    drawn = rows.draw(rate, rng)
    steps = torch.from_numpy(rng.integers(1, rows.classes, len(drawn)))
    return rows.changed(drawn, y=(rows.true_y[drawn] + steps) % rows.classes)


@noise
def pair(rows: Rows, rng: np.random.Generator, *, rate: float) -> Rows:
    """Give the next class."""
    _need_classes("pair", rows, 2)
    drawn = rows.draw(rate, rng)
    return rows.changed(drawn, y=(rows.true_y[drawn] + 1) % rows.classes)


@noise
def confusion(rows: Rows, rng: np.random.Generator, *, matrix: list[list[float]], rate: float | None = None) -> Rows:
    """Give labels by a confusion matrix: its row i holds the share of true class i that is given as each class.

    Every count differs from the exact share by less than two rows. A rate scales the frequencies of all wrong labels
    by the same factor.
    """
    _need_classes("confusion", rows, 2)
    transition = _transition(matrix, rows.classes)
    sizes = np.bincount(rows.true_y[rows.true_y >= 0].numpy(), minlength=rows.classes)
    expected = sizes[:, None] * transition * (1 - np.eye(rows.classes))
    total = round(float(expected.sum())) if rate is None else rows.count(rate)
    if total and not expected.any():
        raise InputError(f"the confusion matrix makes no label wrong: it cannot give rate={rate}; leave the rate out")
    per_class = _apportioned(expected.sum(1), total)
    of_class = [rows.left[rows.true_y.numpy()[rows.left] == k] for k in range(rows.classes)]
    for k, (needed, candidates) in enumerate(zip(per_class, of_class, strict=True)):
        if needed > len(candidates):
            raise InputError(
                f"the confusion matrix needs {needed} rows of class {k}, but only {len(candidates)} are clean: lower"
                " its shares or the rates"
            )
    drawn = [rng.choice(candidates, n, replace=False) for candidates, n in zip(of_class, per_class, strict=True)]
    given = [
        np.repeat(np.arange(rows.classes), _apportioned(weights, n))
        for weights, n in zip(expected, per_class, strict=True)
    ]
    return rows.changed(np.concatenate(drawn), y=torch.from_numpy(np.concatenate(given)))


@noise
def instance(rows: Rows, rng: np.random.Generator, *, rate: float) -> Rows:
    """Give a class that depends on the row's features, through random weights for each true class.

    Xia et al. 2020, Part-dependent Label Noise, their generator of instance-dependent noise: softmax(x·W_y) over the
    other classes, with W_y standard normal. They draw each row's probability of a wrong label independently of its
    features. Since the count is exact here, every set of rows is then equally likely.
    """
    _need_classes("instance", rows, 3)
    x, drawn = rows.features("instance"), rows.draw(rate, rng)
    y = rows.true_y[drawn]
    logits = torch.empty(len(drawn), rows.classes)
    for k in range(rows.classes):
        weights = torch.from_numpy(rng.standard_normal((x.shape[1], rows.classes), dtype=np.float32))
        logits[y == k] = x[drawn[(y == k).numpy()]] @ weights
    return rows.changed(drawn, y=_other_class(logits, y, rng))


@noise
def boundary(rows: Rows, rng: np.random.Generator, *, rate: float) -> Rows:
    """Give wrong labels where classes are easily confused: rows and labels are drawn from a classifier's posterior.

    Feature-dependent noise after Zhang et al. 2021, Learning with Feature-Dependent Label Noise: a wrong label is more
    likely where the posterior is less certain. The posterior here is that of a linear discriminant fitted to the true
    labels. If there are more than 128 features, the discriminant sees 128 random directions.
    """
    _need_classes("boundary", rows, 2)
    x, count = rows.features("boundary"), rows.count(rate)
    if x.shape[1] > DIRECTIONS:
        x = x @ torch.from_numpy(rng.standard_normal((x.shape[1], DIRECTIONS), dtype=np.float32))
    clean, y = rows.left, rows.true_y[rows.left]
    logits = _discriminant(x, rows)[clean]
    log_wrong = logits.log_softmax(1).scatter(1, y[:, None], -torch.inf).logsumexp(1)
    # The Gumbel top-k trick: rows drawn without replacement, in proportion to the probability of a wrong label.
    drawn = (log_wrong + _gumbel(log_wrong.shape, rng)).topk(count).indices
    return rows.changed(clean[drawn.numpy()], y=_other_class(logits[drawn], y[drawn], rng))


def _need_classes(noise: str, rows: Rows, least: int) -> None:
    if rows.classes < least:
        two = ": with two classes it would be symmetric noise" if rows.classes == 2 else ""
        raise InputError(f"{noise} noise needs at least {least} classes{two}")


def _transition(matrix: ArrayLike, classes: int) -> NDArray[np.float64]:
    try:
        transition = np.array(matrix, dtype=np.float64)
    except (ValueError, TypeError):
        transition = np.empty(0)
    if transition.shape != (classes, classes):
        raise InputError(f"the confusion matrix must be {classes} rows of {classes} numbers, one for each class")
    if not ((transition >= 0).all() and np.allclose(transition.sum(1), 1, atol=1e-6)):
        raise InputError("the confusion matrix must hold shares: each at least 0, with the sum 1 in each row")
    return transition


def _apportioned(weights: NDArray[np.float64], total: int) -> Indices:
    """Whole numbers in proportion to the weights, with the sum `total`, by the method of largest remainders."""
    shares = weights * (total / weights.sum()) if total else np.zeros(len(weights))
    counts = np.floor(shares + 1e-9).astype(np.int64)
    counts[np.argsort(counts - shares, kind="stable")[: total - counts.sum()]] += 1
    return counts


def _other_class(logits: Tensor, y: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw a class other than y (n,) from the softmax of the logits (n, classes)."""
    others = logits.double().scatter(1, y[:, None], -torch.inf)
    return (others + _gumbel(others.shape, rng)).argmax(1)


def _gumbel(shape: torch.Size, rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.gumbel(size=tuple(shape)))


def _discriminant(x: Tensor, rows: Rows) -> Tensor:
    """The logits (n, classes) of a linear discriminant, fitted to the rows whose true class is known."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis  # slow to import, and rarely needed

    known = rows.true_y >= 0
    seen, y = np.unique(rows.true_y[known].numpy(), return_inverse=True)
    if len(seen) < 2:
        raise InputError("boundary noise needs rows of at least two classes")
    fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x[known].double().numpy(), y)
    scores = torch.from_numpy(fitted.decision_function(x.double().numpy()))
    logits = torch.full((len(rows), rows.classes), -torch.inf, dtype=torch.float64)
    logits[:, torch.from_numpy(seen)] = torch.stack([-scores / 2, scores / 2], 1) if len(seen) == 2 else scores
    return logits
