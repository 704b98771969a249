"""Suites: TOML files that expand to cells, one method on one problem with one seed."""

import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ...datasets.noise.mixing import parse_noise
from ...datasets.source import DATASETS
from ..errors import InputError, unknown
from ..files import read_text
from ..models.architecture import find_model
from ..records import built, record
from ..registry.method import METHODS, Method
from ..results.records import SuiteRecord
from ..results.specs import Cell, Precision, ProblemSpec

FOLDER = Path(__file__).parent / "suites"
FILLED_IN = ("seed", "device")  # of a problem, by the run and not by the suite


@record
class Suite(SuiteRecord):
    """A named set of problems, methods and seeds, with the limits that each cell runs under.

    A method with a star stands for all that match it, except those that an entry with `!` in front leaves out.
    """

    def problem_specs(self) -> Iterator[ProblemSpec]:
        """Every problem with every seed."""
        for seed in range(self.seeds):
            for problem in self.problems:
                yield replace(problem, seed=seed)

    def cells(self) -> list[Cell]:
        """Every row on every problem with every seed; pairwise methods on prompts with answers, others elsewhere.

        Raises:
            InputError: as `rows` does.
        """
        rows = self.rows()
        return [
            Cell(spec, method.name, given, label)
            for spec in self.problem_specs()
            for label, (method, given) in rows.items()
            if method.pairwise == is_generation(spec)
        ]

    def rows(self) -> dict[str, tuple[Method, dict[str, Any]]]:
        """The methods with their hyperparameters, by label.

        Raises:
            InputError: if a method or hyperparameter is unknown, or a method is named that fits none of the problems
                or needs a package that is not installed.
        """
        kinds = {is_generation(problem) for problem in self.problems}
        rows = {}
        for pattern in (pattern for pattern in self.methods if not pattern.startswith("!")):
            matching = [method.name for method in self._matching(pattern) if method.installed]
            for text in matching if "*" in pattern else [pattern]:
                method, given = METHODS.parse(text)
                rows[method.label(given)] = (method, given)
                if "*" not in pattern and method.pairwise not in kinds:
                    what = "prompts with answers" if method.pairwise else "labelled rows"
                    raise InputError(f"{text} is for datasets of {what}, and the suite {self.name} has none")
        return rows

    def not_installed(self) -> dict[str, list[str]]:
        """The methods that a star stands for and that lack a package, by package."""
        lacking: dict[str, list[str]] = {}
        for pattern in (pattern for pattern in self.methods if "*" in pattern and not pattern.startswith("!")):
            for method in self._matching(pattern):
                if not method.installed:
                    lacking.setdefault(method.package, []).append(method.name)
        return lacking

    def narrowed(
        self,
        *,
        methods: Sequence[str] | None = None,
        datasets: Collection[str] | None = None,
        seeds: int | None = None,
        full: bool = False,
        device: str | None = None,
        precision: Precision | None = None,
    ) -> "Suite":
        """The suite with other methods, datasets, seeds or precision, every row, or on another device.

        Raises:
            InputError: if the suite lacks a dataset, or there are no seeds.
        """
        problems = tuple(
            replace(problem, device=device or problem.device, precision=precision or problem.precision)
            for problem in self.problems
        )
        known = {problem.dataset for problem in problems}
        for name in datasets or ():
            if name not in known:
                raise unknown("dataset", name, known, f"in the suite {self.name}")
        if datasets:
            problems = tuple(problem for problem in problems if problem.dataset in datasets)
        if seeds is not None and seeds < 1:
            raise InputError(f"seeds={seeds} is out of range: at least 1")
        return replace(
            self,
            name=f"{self.name}-full" if full else self.name,
            problems=tuple(replace(problem, size=None) for problem in problems) if full else problems,
            methods=tuple(methods) if methods else self.methods,
            seeds=self.seeds if seeds is None else seeds,
        )

    def _matching(self, pattern: str) -> list[Method]:
        left_out = [entry.removeprefix("!") for entry in self.methods if entry.startswith("!")]
        matching = [method for name, method in METHODS.all().items() if fnmatch(name, pattern)]
        return [method for method in matching if not any(fnmatch(method.name, out) for out in left_out)]


def is_generation(problem: ProblemSpec) -> bool:
    """Whether the rows of a problem are prompts with answers."""
    return DATASETS.parse(problem.dataset)[0].kind == "generation"


def suites() -> dict[str, Suite]:
    """Every suite of the package by name."""
    return {file.stem: read_suite(file) for file in sorted(FOLDER.glob("*.toml"))}


def find_suite(name: str) -> Suite:
    """The suite of that name, or the one in a TOML file.

    Raises:
        InputError: with the nearest names if there is none, or with what is wrong in the file.
    """
    if name.endswith(".toml"):
        return read_suite(Path(name))
    known = [file.stem for file in FOLDER.glob("*.toml")]
    if name not in known:
        raise unknown("suite", name, known)
    return read_suite(FOLDER / f"{name}.toml")


def read_suite(file: Path) -> Suite:
    """The suite in a TOML file: the fields of `Suite`, and a `[[problems]]` table for each problem.

    Raises:
        InputError: if the file cannot be read, a field is unknown or of the wrong type, or a name is unknown.
    """
    try:
        content = tomllib.loads(read_text(file))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"the suite {file} cannot be read: {error}") from error
    if not content.get("problems"):
        raise InputError(f"the suite {file} has no [[problems]]")
    _check_keys(content, Suite, f"suite {file.name}", ("name",))
    for table in content["problems"] if isinstance(content["problems"], list) else []:
        _check_keys(table, ProblemSpec, f"problem of {file.name}", FILLED_IN)
    suite = built(Suite, {"name": file.stem, "title": file.stem} | content, f"the suite {file.name}")
    for problem in suite.problems:
        loader, _ = DATASETS.parse(problem.dataset)
        parse_noise(problem.noise, problem.rate, loader.human, problem.dataset)
        find_model(problem.model)
    return suite


def _check_keys(table: Mapping[str, Any], kind: type, what: str, filled_in: Collection[str]) -> None:
    names = [name for name in kind.__dataclass_fields__ if name not in filled_in]  # type: ignore[attr-defined]
    for key in table:
        if key not in names:
            raise unknown("key", key, names, f"in the {what}")
