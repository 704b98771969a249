"""`score`: calls methods, checks their scores, and copes with rows that have no finite score."""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import InputError, NotFinite
from ..problem.passes import side_by_side
from ..problem.problem import Problem, Scores
from ..problem.soundness import check
from .method import METHODS, Method, find_method


@overload
def score(method: str | Callable[..., Scores], problem: Problem, /, **hyperparameters: Any) -> Scores: ...


@overload
def score(method: list[str], problem: Problem, /) -> dict[str, Scores]: ...


def score(
    method: str | Callable[..., Scores] | list[str], problem: Problem, /, **hyperparameters: Any
) -> Scores | dict[str, Scores]:
    """Score every training row with a method, given by name or as the decorated function, or with several methods.

    Args:
        method: a method, or a list of methods as `name` or `name[key=value,...]`. Methods of a list share the passes
            over the data that several of them need.
        problem: a trained model and the data that trained it.
        hyperparameters: of a single method; those of a list are written in its names.

    Returns:
        float64 array (n_train,), higher = more suspect; for a pairwise method (n_train, n_valid), higher = more
        influential; for a list, a dictionary from its entries to their scores.

    Raises:
        InputError: for an unknown method or hyperparameter, or a problem without a part that the method uses.
        ValueError: if the method returns scores of another shape, or no finite score; for a pairwise method, if any
            score is not finite.

    Warns:
        NotFinite: if some rows get no finite score, for example because their gradients overflow, or if the method
            fails and some rows have no finite loss. These rows rank as most suspect, and the others are scored without
            them.
    """
    if isinstance(method, list):
        entries = [METHODS.parse(text) for text in method]
        if hyperparameters:
            raise InputError("hyperparameters of several methods go with their names: name[key=value,...]")
        calls = [partial(score, entry.name, problem, **given) for entry, given in entries]
        return dict(zip(method, side_by_side(calls), strict=True))
    entry = find_method(method)
    given = entry.checked(hyperparameters)
    check(problem)
    if entry.needs_classes(given) and not problem.train.has_classes:
        y = problem.train.y
        raise InputError(
            f"{entry.label(given)} needs a class as the label of each row, an integer array (n,); these labels are "
            f"{tuple(y.shape)} of {str(y.dtype)[6:]}: take a method for any label, such as loss or grand"
        )
    scores, unfit = _attempt(entry, problem, given)
    if not unfit.any():
        return scores
    first, rest = np.flatnonzero(unfit)[0], torch.from_numpy(np.flatnonzero(~unfit))
    note = f"{entry.name}: no finite score for {unfit.sum()} of {len(unfit)} rows, the first being row {first}"
    if entry.pairwise or unfit.all():
        raise ValueError(note)
    warnings.warn(f"{note}: they rank as most suspect, the others without them", NotFinite, stacklevel=2)
    others = score(entry.name, problem.on(rest), **given)
    scores = np.full(len(unfit), others.max() + max(1.0, np.ptp(others)))
    scores[rest] = others
    return scores


def _attempt(entry: Method, problem: Problem, given: Mapping[str, Any]) -> tuple[Scores, NDArray[np.bool_]]:
    """The method's scores, and a mask (n_train,) of rows to leave out; if it has any, the scores are not usable.

    A row without a finite loss can spoil the scores of others, for example through a mean, or make the method fail.
    Where some scores are not finite, the mask has the rows without a finite loss; if every loss is finite, the rows
    without a finite score.
    """
    try:
        scores = np.asarray(entry.function(problem.only(entry.uses_with(given)), **given), dtype=np.float64)
    except (RuntimeError, ValueError) as error:
        if isinstance(error, InputError) or not (unfit := _without_loss(problem)).any():
            raise
        return np.full(len(unfit), np.nan), unfit
    shape = (len(problem.train), len(problem.validation)) if entry.pairwise else (len(problem.train),)
    if scores.shape != shape:
        raise ValueError(f"{entry.name} returned scores of shape {scores.shape}, not {shape}")
    unfit = np.asarray(~np.isfinite(scores.reshape(shape[0], -1)).all(1))
    without_loss = _without_loss(problem) if unfit.any() else unfit
    return scores, without_loss if without_loss.any() else unfit


def _without_loss(problem: Problem) -> NDArray[np.bool_]:
    """A mask (n_train,) of the rows whose loss is not finite."""
    losses = problem.losses(problem.outputs(), problem.train.y.to(problem.device))
    unfit: NDArray[np.bool_] = ~losses.isfinite().cpu().numpy()
    return unfit
