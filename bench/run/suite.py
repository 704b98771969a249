"""Suites: TOML files that expand to cells, one method on one problem with one seed."""

import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ...datasets import dataset as datasets
from ...datasets.noise.mixing import parse_noise
from ..errors import InputError, unknown
from ..models import architecture as models
from ..registry.method import METHODS, Method
from ..results.specs import Cell, ProblemSpec

FOLDER = Path(__file__).parent / "suites"


@dataclass(frozen=True)
class Suite:
    """A named set of problems, methods and seeds, with the limits that each cell runs under.

    A method with a star stands for all that match it, but for those that one with `!` in front leaves out.
    """

    name: str
    title: str
    problems: tuple[ProblemSpec, ...]
    methods: tuple[str, ...] = ("*",)
    seeds: int = 3
    timeout: float = 600.0
    memory_gib: float = 8.0

    def problem_specs(self) -> Iterator[ProblemSpec]:
        """Every problem with every seed."""
        for seed in range(self.seeds):
            for problem in self.problems:
                yield replace(problem, seed=seed)

    def cells(self) -> list[Cell]:
        """Every method on every problem with every seed: pairwise ones on prompts with answers, the others elsewhere.

        Raises:
            InputError: if a method or hyperparameter is unknown, or a method is named that fits none of the problems
                or needs a package that is not installed.
        """
        specs = list(self.problem_specs())
        generation = {spec.dataset: datasets.DATASETS.parse(spec.dataset)[0].kind == "generation" for spec in specs}
        rows = {}
        for pattern in (pattern for pattern in self.methods if not pattern.startswith("!")):
            names = [one.name for one in self._matching(pattern) if one.installed] if "*" in pattern else [pattern]
            for text in names:
                found, given = METHODS.parse(text)
                rows[found.label(given)] = (found, given)
                if "*" not in pattern and found.pairwise not in generation.values():
                    what = "prompts with answers" if found.pairwise else "labelled rows"
                    raise InputError(f"{text} is for datasets of {what}, of which the suite {self.name} has none")
        return [
            Cell(spec, found.name, given, label)
            for spec in specs
            for label, (found, given) in rows.items()
            if found.pairwise == generation[spec.dataset]
        ]

    def not_installed(self) -> dict[str, list[str]]:
        """The methods that a star stands for and that lack their package, by package."""
        patterns = [pattern for pattern in self.methods if "*" in pattern and not pattern.startswith("!")]
        found = [one for pattern in patterns for one in self._matching(pattern)]
        lacking = {one.name: one.package for one in found if not one.installed}
        return {package: [name for name in lacking if lacking[name] == package] for package in lacking.values()}

    def _matching(self, pattern: str) -> list[Method]:
        left_out = [one.removeprefix("!") for one in self.methods if one.startswith("!")]
        found = [one for name, one in METHODS.all().items() if fnmatch(name, pattern)]
        return [one for one in found if not any(fnmatch(one.name, out) for out in left_out)]

    def narrowed(
        self,
        *,
        methods: Sequence[str] | None = None,
        datasets: Collection[str] | None = None,
        seeds: int | None = None,
        full: bool = False,
        device: str | None = None,
    ) -> "Suite":
        """The suite with other methods, some datasets, another number of seeds, every row, or on another device."""
        problems = tuple(replace(problem, device=device or problem.device) for problem in self.problems)
        if datasets:
            own = {problem.dataset for problem in problems}
            for name in datasets:
                if name not in own:
                    raise unknown(f"dataset in the suite {self.name}", name, own)
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


def suites() -> dict[str, Suite]:
    """Every suite of the package by name."""
    return {file.stem: read(file) for file in sorted(FOLDER.glob("*.toml"))}


def find(name: str) -> Suite:
    """The suite of that name, or the one in a TOML file.

    Raises:
        InputError: with the nearest names if there is none, or with what is wrong in the file.
    """
    if name.endswith(".toml"):
        return read(Path(name))
    known = [file.stem for file in FOLDER.glob("*.toml")]
    if name not in known:
        raise unknown("suite", name, known)
    return read(FOLDER / f"{name}.toml")


def read(file: Path) -> Suite:
    """The suite in a TOML file: `title`, `seeds`, `timeout`, `memory_gib`, `methods` and one `[[problems]]` table each.

    Raises:
        InputError: if the file cannot be read or holds an unknown key or name.
    """
    try:
        content = tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"the suite {file} cannot be read: {error}") from error
    listed = content.pop("problems", [])
    if not listed:
        raise InputError(f"the suite {file} has no [[problems]]")
    problems = tuple(
        _build(ProblemSpec, table, f"problem of {file.name}", known=("seed", "device")) for table in listed
    )
    for problem in problems:
        loader, _ = datasets.DATASETS.parse(problem.dataset)
        parse_noise(problem.noise, problem.rate, loader.human, problem.dataset)
        models.find_model(problem.model)
    content["methods"] = tuple(content.get("methods", ("*",)))
    suite: Suite = _build(
        Suite, {"name": file.stem, "title": file.stem, "problems": problems} | content, f"suite {file.name}"
    )
    return suite


def describe(suite: Suite) -> dict[str, Any]:
    """The suite as plain data, for the record of a run."""
    return asdict(suite)


def _build(kind: Any, table: dict[str, Any], what: str, known: tuple[str, ...] = ()) -> Any:
    names = [f.name for f in fields(kind) if f.name not in known]
    for key in table:
        if key not in names:
            raise unknown(f"key in the {what}", key, names)
    try:
        return kind(**table)
    except TypeError as error:
        raise InputError(f"the {what} is incomplete: {error}") from error
