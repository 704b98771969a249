"""The registry of methods: `@method(...)` on a function is all that adding one takes."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeVar, get_args

from .. import fingerprint
from ..errors import InputError, unknown
from ..problem.problem import Scores
from .arguments import Registered, pieces
from .registry import Registry, name_of

Use = Literal["validation", "checkpoints", "dynamics", "retraining", "groups"]
Conditions = Mapping[str, Mapping[str, Any]]
Sparing = Mapping[str, Mapping[str, tuple[Any, ...]]]
Function = TypeVar("Function", bound=Callable[..., Scores])


@dataclass(frozen=True)
class Method(Registered):
    """A registered method: the function and what it declares. `method` says what each field means."""

    family: str
    paper: str
    uses: frozenset[Use] = frozenset()
    unless: Sparing = field(default_factory=dict)
    pairwise: bool = False
    package: str = ""
    rows_in: str = ""
    classes: bool = False
    word: ClassVar[str] = "hyperparameter"

    @cached_property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """The hyperparameters: every parameter of the function after the problem."""
        return dict(list(inspect.signature(self.function).parameters.items())[1:])

    @property
    def installed(self) -> bool:
        """Whether every package that the method needs by default is installed."""
        return all(fingerprint.installed(package) for package in self.packages({}))

    def uses_with(self, given: Mapping[str, Any]) -> frozenset[Use]:
        """What the method and the rows that it combines use under these hyperparameters."""
        own = frozenset(use for use in self.uses if not self._spared(use, given))
        return own.union(*(method.uses_with(inner) for method, inner in self.rows(given)))

    def packages(self, given: Mapping[str, Any]) -> frozenset[str]:
        """Optional packages that the method and the rows that it combines need under these hyperparameters."""
        needed = bool(self.package) and not self._spared(self.package, given)
        own = frozenset([self.package] if needed else [])
        return own.union(*(method.packages(inner) for method, inner in self.rows(given)))

    def needs_classes(self, given: Mapping[str, Any]) -> bool:
        """Whether the method, or a row that it combines, needs a class as the label of each row."""
        return self.classes or any(method.needs_classes(inner) for method, inner in self.rows(given))

    def functions(self, given: Mapping[str, Any]) -> list[Callable[..., Any]]:
        """The functions of the method and of the rows that it combines."""
        inner = (method.functions(own) for method, own in self.rows(given))
        return [self.function, *(function for functions in inner for function in functions)]

    def rows(self, given: Mapping[str, Any]) -> list[tuple["Method", dict[str, Any]]]:
        """The rows that the method combines, as methods and their hyperparameters.

        Raises:
            InputError: if it is to combine none, or a row that is unknown or pairwise.
        """
        if not self.rows_in:
            return []
        named = [METHODS.parse(text) for text in pieces(self._value(self.rows_in, given), "+")]
        if not named:
            raise InputError(f"{self.name} names no rows: write {self.rows_in}=loss+el2n[checkpoints=all]")
        if pairs := [method.name for method, _ in named if method.pairwise]:
            raise InputError(f"{self.name}: {pairs[0]} scores pairs of rows, so it has no part in a ranking of rows")
        return named

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The hyperparameters, if each is known and fits, the packages are installed and the combined rows exist.

        Raises:
            InputError: if not.
        """
        checked = super().checked(given)
        for package in sorted(self.packages(checked)):
            if fingerprint.installed(package) is None:
                raise InputError(f"{self.name} needs {package}, which is not installed: pip install {package}")
        return checked

    def _spared(self, need: str, given: Mapping[str, Any]) -> bool:
        """Whether a hyperparameter has a value under which the method does without a use or a package."""
        return any(self._value(name, given) in values for name, values in self.unless.get(need, {}).items())

    def _value(self, name: str, given: Mapping[str, Any]) -> Any:
        return given.get(name, self.arguments[name].default)


METHODS: Registry[Method] = Registry("method", "influence_bench.methods")


def method(
    *,
    family: str,
    paper: str,
    uses: Collection[Use] = (),
    unless: Conditions | None = None,
    pairwise: bool = False,
    package: str = "",
    rows_in: str = "",
    classes: bool = False,
) -> Callable[[Function], Function]:
    """Register a function `(problem, **hyperparameters) -> scores (n_train,)`, higher meaning more suspect.

    Args:
        family: the group the method is listed in; a method of the family `control` need not find anything.
        paper: the source, with its equation.
        uses: what the method needs beyond the trained model and the training data; the rest is withheld from it.
        unless: hyperparameters under which the method does without one of its uses, or its package:
            `{"checkpoints": {"checkpoints": "last"}}`; a tuple lists several values.
        pairwise: whether the method scores the influence (n_train, n_valid) of each training row on each validation
            row; higher means that the training row lowers the loss of the validation row more.
        package: the optional package that the method needs, as pip names it. Without the package the method is listed
            as not installed, and a suite's `*` leaves it out.
        rows_in: the hyperparameter that names rows of the benchmark, with `+` between them, which the method combines.
        classes: whether the method needs a class as the label of each row; it is refused where labels are of another
            kind. Other methods are for any label that the loss takes.

    Raises:
        InputError: if `unless` or `rows_in` names what the function or `uses` does not have.
    """

    def register(function: Function) -> Function:
        sparing = {need: _as_tuples(conditions) for need, conditions in (unless or {}).items()}
        name = name_of(function)
        entry = Method(name, function, family, paper, frozenset(uses), sparing, pairwise, package, rows_in, classes)
        for use in set(uses) - set(get_args(Use)):
            raise unknown("use", use, get_args(Use))
        for need, conditions in sparing.items():
            if need not in {*uses, package}:
                raise InputError(f"the method '{name}' declares unless={{'{need}': ...}}, but does not use it")
            _check_hyperparameters(entry, conditions)
        _check_hyperparameters(entry, [rows_in] if rows_in else [])
        METHODS.add(entry)
        return function

    return register


def find_method(method: str | Callable[..., Scores]) -> Method:
    """The method of that name, or of the decorated function.

    Raises:
        InputError: with the nearest names, if there is none.
    """
    return METHODS.find(method if isinstance(method, str) else name_of(method))


def _check_hyperparameters(entry: Method, names: Collection[str]) -> None:
    for name in names:
        if name not in entry.arguments:
            raise InputError(f"the method '{entry.name}' declares a condition on {name}, which it does not take")


def _as_tuples(conditions: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {name: values if isinstance(values, tuple) else (values,) for name, values in conditions.items()}
