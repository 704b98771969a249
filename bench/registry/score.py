"""Scores of a method, checked, whatever rows it stumbles over."""

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
from .method import METHODS, Method, find_method


@overload
def score(method: str | Callable[..., Scores], problem: Problem, **hyperparameters: Any) -> Scores: ...


@overload
def score(method: list[str], problem: Problem) -> dict[str, Scores]: ...


def score(
    method: str | Callable[..., Scores] | list[str], problem: Problem, **hyperparameters: Any
) -> Scores | dict[str, Scores]:
    """Score every training row with a method, by name or as the decorated function, or with several at once.

    Args:
        method: a method, or a list of several as `name` or `name[key=value,...]`: what these need of the same pass
            over the data is then computed in one pass.
        problem: a trained model and the data that trained it.
        hyperparameters: of the one method.

    Returns:
        float64 array (n_train,), higher = more suspect; of a pairwise method (n_train, n_valid), higher = more
        influential; for several methods, a dictionary of them by what was asked.

    Raises:
        InputError: for an unknown method or hyperparameter, or a problem that lacks what the method uses.
        ValueError: if the method returns anything but numbers of that shape, or none that is finite; of a pairwise
            method, if any is not.

    Warns:
        NotFinite: if some rows get no finite score, as where their gradients overflow, or if the method fails over rows
            without a finite loss. They rank as most suspect, and the others are scored without them.
    """
    if isinstance(method, list):
        rows = [METHODS.parse(text) for text in method]
        if hyperparameters:
            raise InputError("hyperparameters of several methods go with their names: name[key=value,...]")
        calls = [partial(score, found.name, problem, **given) for found, given in rows]
        return dict(zip(method, side_by_side(calls), strict=True))
    found = find_method(method)
    given = found.checked(hyperparameters)
    scores, unfit = _attempt(found, problem, given)
    if not unfit.any():
        return scores
    first, rest = np.flatnonzero(unfit)[0], torch.from_numpy(np.flatnonzero(~unfit))
    note = f"{found.name}: no finite score for {unfit.sum()} of {len(unfit)} rows, the first being row {first}"
    if found.pairwise or unfit.all():
        raise ValueError(note)
    warnings.warn(f"{note}: they rank as most suspect, the others without them", NotFinite, stacklevel=2)
    others = score(found.name, problem.on(rest), **given)
    scores = np.full(len(unfit), others.max() + max(1.0, np.ptp(others)))
    scores[rest] = others
    return scores


def _attempt(found: Method, problem: Problem, given: Mapping[str, Any]) -> tuple[Scores, NDArray[np.bool_]]:
    """The method's scores, and the rows (n_train,) to do without: where there are any, the scores are of no use.

    A row without a finite loss can spoil the scores of others, as by a mean, or make the method fail.
    """
    try:
        scores = np.asarray(found.function(problem.only(found.uses_with(given)), **given), dtype=np.float64)
    except (RuntimeError, ValueError) as error:
        if isinstance(error, InputError) or not (unfit := _without_loss(problem)).any():
            raise
        return np.full(len(unfit), np.nan), unfit
    shape = (len(problem.train), len(problem.validation)) if found.pairwise else (len(problem.train),)
    if scores.shape != shape:
        raise ValueError(f"{found.name} returned scores of shape {scores.shape}, not {shape}")
    unfit = np.asarray(~np.isfinite(scores.reshape(shape[0], -1)).all(1))
    spoilt = _without_loss(problem) if unfit.any() else unfit
    return scores, spoilt if spoilt.any() else unfit


def _without_loss(problem: Problem) -> NDArray[np.bool_]:
    """Rows (n_train,) whose loss is not finite."""
    losses = problem.losses(problem.outputs(), problem.train.y.to(problem.device))
    unfit: NDArray[np.bool_] = ~losses.isfinite().cpu().numpy()
    return unfit
