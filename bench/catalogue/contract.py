"""The contract of a method: every registered method must pass it, and third parties can check their own.

Each check is a function of a method's name and hyperparameters. It raises a `ContractError` that says what it saw.
"""

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import nn

from ...datasets.source import Loader, Source
from ..errors import InputError
from ..models.architecture import Architecture, Recipe
from ..problem.examples import Examples
from ..problem.problem import Problem, Scores
from ..registry.method import find_method
from ..registry.score import score
from ..results.metrics import evaluate
from ..results.records import ProblemRecord
from ..results.run import Run
from ..results.specs import Cell, ProblemSpec
from ..training.loop import train, trainer

Hyperparameters = dict[str, Any]
N_TRAIN, N_VALID = 300, 40  # more rows than an isolation forest draws for a tree
SAME_RANKS = 0.999  # Spearman correlation from which two vectors of scores differ by rounding alone


class ContractError(AssertionError):
    """A method breaks its contract; the message says which part and how."""


def planted() -> tuple[Problem, NDArray[np.bool_]]:
    """A small problem with planted flips, and the truth, bool (n_train,), which the problem does not hold.

    The rows lie in three blobs, each a class; 20 % of the training labels are wrong.
    """
    problem, is_noisy = _planted()
    return replace(problem, model=copy.deepcopy(problem.model)), is_noisy


@cache
def _planted() -> tuple[Problem, NDArray[np.bool_]]:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, N_TRAIN + N_VALID)
    x = rng.normal(size=(len(true), 2)) + 3 * np.array([[0, 1], [1, -0.5], [-1, -0.5]])[true]
    given = true.copy()
    flipped = rng.choice(N_TRAIN, N_TRAIN // 5, replace=False)
    given[flipped] = (true[flipped] + rng.integers(1, 3, len(flipped))) % 3
    rows = Examples(torch.tensor(x).float(), torch.tensor(given))
    training, valid = rows[:N_TRAIN], rows[N_TRAIN:]
    architecture = Architecture("planted", _network, Recipe(10, 16, "adam", 0.01, checkpoints=4))
    trained = train(architecture, training, 3, seed=0)
    problem = Problem(
        trained.model,
        training,
        valid,
        trained.checkpoints,
        batch_size=32,
        dynamics=trained.dynamics,
        trainer=trainer(architecture, 3),
        groups=training.y,
    )
    return problem, (given != true)[:N_TRAIN]


def _network(shape: torch.Size, classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(shape[0], 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, classes))


def gives_one_finite_number_per_row(name: str, given: Hyperparameters) -> None:
    """Scores are float64 (n_train,), or (n_train, n_valid) of a pairwise method, all finite."""
    problem, _ = planted()
    scores = score(name, problem, **given)
    shape = (N_TRAIN, N_VALID) if find_method(name).pairwise else (N_TRAIN,)
    if scores.dtype != np.float64 or scores.shape != shape or not np.isfinite(scores).all():
        raise ContractError(f"{name} gives {scores.dtype} {scores.shape}, not finite float64 {shape}")


def repeats_under_a_seed(name: str, given: Hyperparameters) -> None:
    """The same problem and seed give the same bits, whatever the state of the global random generators."""
    problem, _ = planted()
    first = score(name, problem, **given)
    torch.rand(7), np.random.rand(7)
    if not np.array_equal(first, score(name, problem, **given)):
        raise ContractError(f"{name} gives other scores when called again: seed its generators with problem.seed")


def ignores_the_batch_size(name: str, given: Hyperparameters) -> None:
    """The batch size changes the memory that a method takes, but not its scores."""
    problem, _ = planted()
    _same(
        name, score(name, problem, **given), score(name, replace(problem, batch_size=7), **given), "another batch size"
    )


def follows_a_permutation(name: str, given: Hyperparameters) -> None:
    """When the training rows are permuted, the scores are permuted with them."""
    problem, _ = planted()
    order = np.random.default_rng(1).permutation(len(problem.train))
    permuted = score(name, problem.on(order), **given)
    _same(name, score(name, problem, **given)[order], permuted, "a permutation of the training rows")


def changes_nothing(name: str, given: Hyperparameters) -> None:
    """The model, its modes, hooks and gradients, and the data are the same after the call as before."""
    problem, _ = planted()
    problem.model.train()
    before = copy.deepcopy(problem.model)
    x, y = problem.train.x.clone(), problem.train.y.clone()
    score(name, problem, **given)
    for (key, was), now in zip(before.state_dict().items(), problem.model.state_dict().values(), strict=True):
        if not torch.equal(was, now):
            raise ContractError(f"{name} changes the model's {key}")
    for old, new in zip(before.modules(), problem.model.modules(), strict=True):
        if old.training != new.training or len(old._forward_hooks) != len(new._forward_hooks):
            raise ContractError(f"{name} leaves a module's mode or hooks changed")
    if any(p.grad is not None or not p.requires_grad for p in problem.model.parameters()):
        raise ContractError(f"{name} leaves .grad or requires_grad of the parameters changed")
    if not (torch.equal(x, problem.train.x) and torch.equal(y, problem.train.y)):
        raise ContractError(f"{name} changes the training data")


def cannot_see_the_truth(name: str, given: Hyperparameters) -> None:
    """The method loads no dataset, and a truth that its callers and a run's folder hold changes no score."""
    fault = ContractError(f"{name} loads a dataset: a method may use nothing but the problem that it gets")
    loads = []

    def note(*_: Any, **__: Any) -> Any:
        loads.append(fault)  # the method may catch the error, but not the note
        raise fault

    with patch.object(Loader, "read", note), patch.object(Source, "__init__", note):
        first, second = (_scored_next_to_a_truth(name, given, seed) for seed in (0, 1))
    if loads:
        raise fault
    _same(name, first, second, "another truth in its callers' frames and in the run's folder")


def _scored_next_to_a_truth(name: str, given: Hyperparameters, seed: int) -> Scores:
    """Scores of rows of which a random truth is known, under the names and in the folder where a scorer has them."""
    planted_problem, _ = planted()
    problem = planted_problem.on(torch.arange(1, N_TRAIN))  # so that no other truth has this length
    truth = is_noisy = np.random.default_rng(seed).random(len(problem.train)) < 0.2
    spec = ProblemSpec("blobs", "logistic", "symmetric", 0.2)
    cell = Cell(spec, name, given, find_method(name).label(given))
    with TemporaryDirectory() as folder:
        run = Run(Path(folder))
        run.write_problem(ProblemRecord(spec, float(is_noisy.mean()), len(truth), 1, 1.0, folder, {}), {"truth": truth})
        return score(cell.method, problem, **cell.hyperparameters)


def needs_no_more_than_it_declares(name: str, given: Hyperparameters) -> None:
    """What the method does not declare changes no score; without any part of what it declares, it raises an error."""
    problem, _ = planted()
    uses = find_method(name).uses_with(given)
    bare = problem.only(uses)
    if not np.array_equal(score(name, problem, **given), score(name, bare, **given)):
        raise ContractError(f"{name} uses more than it declares: complete its `uses`")
    without = {"validation": replace(problem, valid=None), "dynamics": replace(problem, dynamics=None)}
    without |= {"retraining": replace(problem, trainer=None), "groups": replace(problem, groups=None)}
    for use in uses & without.keys():
        try:
            score(name, without[use], **given)
        except InputError:
            continue
        raise ContractError(f"{name} declares that it uses {use}, but works without it: take it out of `uses`")


def refuses_bad_hyperparameters(name: str, given: Hyperparameters) -> None:
    """The error for an unknown hyperparameter, or a value of a wrong type, is one line that names it."""
    problem, _ = planted()
    for key in ("no_such_thing", *find_method(name).arguments):
        try:
            score(name, problem, **(given | {key: object()}))
        except InputError as error:
            if key not in str(error) or "\n" in str(error):
                raise ContractError(f"{name} refuses {key} without naming it in one line: {error}") from error
        else:
            raise ContractError(f"{name} accepts any object as {key}: annotate the parameter with its type")


def scores_or_refuses_other_labels(name: str, given: Hyperparameters) -> None:
    """A problem whose labels are no classes, a regression, is scored or refused by an `InputError`."""
    problem, _ = planted()
    train, valid = (Examples(part.x, part.x.sum(1, keepdim=True)) for part in (problem.train, problem.validation))
    regression = Problem(nn.Linear(2, 1), train, valid, loss=nn.MSELoss(), groups=problem.groups)
    try:
        score(name, regression, **given)
    except InputError:
        return
    except Exception as error:
        raise ContractError(
            f"{name} fails on labels that are no classes ({type(error).__name__}): declare classes=True, or refuse "
            "them by an InputError"
        ) from error


def beats_chance(name: str, given: Hyperparameters) -> None:
    """The ROC-AUC is at least 0.6: for planted flips, or, of a pairwise method, for training rows of the same label.

    Two kinds of methods need not: controls, and methods that declare `validation` but do without it under these
    hyperparameters. The latter measure influence on the training rows themselves, and the flips make up much of their
    mean gradient.
    """
    method = find_method(name)
    if method.family == "control" or "validation" in method.uses - method.uses_with(given):
        return
    problem, truth = planted()
    if method.pairwise:
        truth = (problem.train.y[:, None] == problem.validation.y).numpy()
    roc_auc = evaluate(score(name, problem, **given), truth)["roc_auc"]
    if roc_auc < 0.6:
        sought = "influential rows" if method.pairwise else "planted flips"
        raise ContractError(f"{name} finds {sought} with ROC-AUC {roc_auc:.2f}: is higher more suspect or influential?")


CHECKS: tuple[Callable[[str, Hyperparameters], None], ...] = (
    gives_one_finite_number_per_row,
    changes_nothing,
    repeats_under_a_seed,
    ignores_the_batch_size,
    follows_a_permutation,
    cannot_see_the_truth,
    needs_no_more_than_it_declares,
    refuses_bad_hyperparameters,
    scores_or_refuses_other_labels,
    beats_chance,
)


def check_method(method: str | Callable[..., Scores], /, **hyperparameters: Any) -> None:
    """Check a registered method against every part of the contract.

    Args:
        method: its name, or the decorated function.
        hyperparameters: of the method.

    Raises:
        ContractError: names the first part that the method breaks.
        InputError: if there is no such method.
    """
    for check in CHECKS:
        check(find_method(method).name, hyperparameters)


def _same(name: str, first: Scores, second: Scores, under: str) -> None:
    close = np.allclose(first, second, rtol=1e-3, atol=1e-6 * np.abs(first).max())
    if not close and not spearmanr(first.ravel(), second.ravel()).statistic >= SAME_RANKS:
        raise ContractError(f"{name} gives other scores under {under}")
