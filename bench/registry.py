"""The registry of methods: `@method(...)` on a function is all that adding one takes."""

import importlib
import importlib.util
import inspect
import pkgutil
import sys
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, overload

import numpy as np
import torch
from numpy.typing import NDArray

from . import fingerprint
from .arguments import Registered, bracketed, pieces
from .errors import InputError, NotFinite, unknown
from .passes import side_by_side
from .problem import Problem, Scores

Use = Literal["validation", "checkpoints", "dynamics", "retraining", "groups"]
Function = TypeVar("Function", bound=Callable[..., Scores])
ENTRY_POINTS = "influence_bench.methods"
SPARED: Mapping[tuple[str, Any], Use] = {
    ("checkpoints", "last"): "checkpoints",
    ("against", "training"): "validation",
    ("retrain", 0): "retraining",
    ("pooled", "none"): "groups",
}
"""Hyperparameters under which a method does without what it uses otherwise."""
OWN_DETECTORS = "iforest", "l1", "l2"
"""Values of `detector` that are ours; PyOD has the others."""


@dataclass(frozen=True)
class Method(Registered):
    """A registered method: the function and what it says of itself."""

    family: str
    paper: str
    uses: frozenset[Use]
    pairwise: bool = False
    package: str = ""
    word: ClassVar[str] = "hyperparameter"

    @property
    def installed(self) -> bool:
        """Whether the package that the method needs is there, if it needs one; nothing is imported to tell."""
        return not self.package or fingerprint.installed(self.package) is not None

    @cached_property
    def hyperparameters(self) -> dict[str, inspect.Parameter]:
        """Every parameter of the function after the problem."""
        return dict(list(inspect.signature(self.function).parameters.items())[1:])

    @property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """The hyperparameters."""
        return self.hyperparameters

    def uses_with(self, given: Mapping[str, Any]) -> frozenset[Use]:
        """What the method uses under these hyperparameters: `checkpoints="last"` uses the model as it stands."""
        values = {name: parameter.default for name, parameter in self.hyperparameters.items()} | dict(given)
        own = self.uses - {use for (name, value), use in SPARED.items() if values.get(name) == value}
        return own.union(*(method.uses_with(inner) for method, inner in self.rows(given)))

    def rows(self, given: Mapping[str, Any]) -> list[tuple["Method", dict[str, Any]]]:
        """The rows that a hyperparameter `rows` names, with `+` between them, as methods and their hyperparameters."""
        if "rows" not in self.hyperparameters:
            return []
        named = [parse(text) for text in pieces(given.get("rows", self.hyperparameters["rows"].default), "+")]
        if not named:
            raise InputError(f"{self.name} names no rows: write rows=loss+el2n[checkpoints=all]")
        if pairs := [method.name for method, _ in named if method.pairwise]:
            raise InputError(f"{self.name}: {pairs[0]} scores pairs of rows, so it has no part in a ranking of rows")
        return named

    def modules(self, given: Mapping[str, Any]) -> set[str]:
        """Names of the modules of the method and of the rows that it is made of."""
        inner = (method.modules(own) for method, own in self.rows(given))
        return {self.function.__module__}.union(*inner)

    def packages(self, given: Mapping[str, Any]) -> set[str]:
        """Names of the optional packages that the method and the rows that it is made of depend on."""
        own = {self.package} if self.package else set()
        if given.get("detector", OWN_DETECTORS[0]) not in OWN_DETECTORS:
            own.add("pyod")
        return own.union(*(method.packages(inner) for method, inner in self.rows(given)))

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """As of anything registered; the method's package has to be there, and the rows that it names are checked too.

        Raises:
            InputError: if not.
        """
        if not self.installed:
            raise InputError(f"{self.name} needs {self.package}, which is not installed: pip install {self.package}")
        checked = super().checked(given)
        self.rows(checked)
        return checked


_methods: dict[str, Method] = {}


def method(
    *, family: str, paper: str, uses: Collection[Use] = (), pairwise: bool = False, package: str = ""
) -> Callable[[Function], Function]:
    """Register a function `(problem, **hyperparameters) -> scores (n_train,)`, higher meaning more suspect.

    Args:
        family: the group the method is listed in.
        paper: the source, with its equation.
        uses: what it needs beyond the trained model and the training data; the rest is withheld from it.
        pairwise: whether it tells the influence (n_train, n_valid) of each training row on each validation row instead,
            higher meaning that the training row lowers the other's loss more.
        package: the optional one that it needs, as pip names it. Without it the method is listed as not installed, and
            a suite's `*` passes over it.
    """

    def register(function: Function) -> Function:
        name = _name(function)
        known = _methods.get(name)
        if known is not None and known.function.__module__ != function.__module__:
            raise InputError(f"the method '{name}' of {function.__module__} is already in {known.function.__module__}")
        _methods[name] = Method(name, function, family, paper, frozenset(uses), pairwise, package)
        return function

    return register


def registered() -> dict[str, Method]:
    """Every method by name: those of the package, of installed plug-ins and of plug-in files."""
    _import_all()
    return dict(_methods)


@cache
def _import_all() -> None:
    package = importlib.import_module("influence_bench.methods")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"influence_bench.methods.{module.name}")
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            entry.load()
        except Exception as error:  # a broken plug-in must not stop the suite
            warnings.warn(f"the plug-in {entry.value} cannot be imported: {error}", stacklevel=2)


def find(method: str | Callable[..., Scores]) -> Method:
    """The method of that name, or the one that the decorated function is.

    Raises:
        InputError: with the nearest names, if there is none.
    """
    name = method if isinstance(method, str) else _name(method)
    methods = registered()
    if name not in methods:
        raise unknown("method", name, methods)
    return methods[name]


def load_plugin(file: Path) -> None:
    """Import a Python file that registers methods of its own.

    Raises:
        InputError: if the file is not there or fails to import.
    """
    file = file.resolve()
    name = f"influence_bench_plugin_{file.stem}"
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(file):
        return
    spec = importlib.util.spec_from_file_location(name, file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise InputError(f"the plug-in {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise InputError(f"the plug-in {file} fails to import: {type(error).__name__}: {error}") from error


def parse(text: str) -> tuple[Method, dict[str, Any]]:
    """`name` or `name[key=value,...]` as a method and its checked hyperparameters.

    Raises:
        InputError: if it is not of that form, or the method or a hyperparameter is unknown.
    """
    name, texts = bracketed(text, "method")
    found = find(name)
    return found, found.typed(texts)


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
        rows = [parse(text) for text in method]
        if hyperparameters:
            raise InputError("hyperparameters of several methods go with their names: name[key=value,...]")
        calls = [partial(score, found.name, problem, **given) for found, given in rows]
        return dict(zip(method, side_by_side(calls), strict=True))
    found = find(method)
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


def _name(function: Callable[..., Scores]) -> str:
    return function.__name__.replace("_", "-")
