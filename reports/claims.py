"""A page of claims, each tested by a run of its suite: what is claimed, what the run says, and whether it stands.

The page is generated from runs, so that every figure can be traced to a command, a commit, seeds and a machine.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..bench.errors import InputError
from ..bench.results import Run, write, writer
from . import paper
from .style import flat
from .tables import escaped


@dataclass(frozen=True)
class Finding:
    """What a run says of a claim: our figures, and in a sentence whether it stands."""

    ours: str
    verdict: str


@dataclass(frozen=True)
class Claim:
    """A claim of the paper: where it is made, its figures there, the suite that tests it and how."""

    function: Callable[[Run], Finding]
    suite: str
    place: str
    paper: str

    @property
    def statement(self) -> str:
        """What the paper claims, or what confound was found."""
        return " ".join((inspect.getdoc(self.function) or "").split())


_claims: list[Claim] = []


def claim(
    suites: str | Sequence[str], place: str, paper: str
) -> Callable[[Callable[[Run], Finding]], Callable[[Run], Finding]]:
    """Register a test of a claim on a run of a suite, or of each of several."""

    def register(function: Callable[[Run], Finding]) -> Callable[[Run], Finding]:
        for suite in [suites] if isinstance(suites, str) else suites:
            _claims.append(Claim(function, suite, place, paper))
        return function

    return register


def write_claims(runs: Sequence[Run], out: Path) -> Path:
    """Write the page of claims that the runs can test, in the order of the runs, `claims.md`.

    Raises:
        InputError: if they test none.
    """
    for module in pkgutil.iter_modules(paper.__path__):  # whose claims register themselves
        importlib.import_module(f"{paper.__name__}.{module.name}")
    tested = [(one, run) for run in runs for one in _claims if one.suite == run.info["suite"]]
    if not tested:
        suites = ", ".join(sorted({one.suite for one in _claims}))
        raise InputError(f"these runs test none of the paper's claims: give runs of {suites}")
    write(out / "claims.md", writer(page(tested).encode()))
    return out / "claims.md"


def page(tested: Iterable[tuple[Claim, Run]]) -> str:
    """The claims as Markdown, suite by suite, each with what it was made with."""
    parts = [
        "# The paper's claims, tested",
        "Chhabra et al. 2025, *Outlier Gradient Analysis* (arXiv 2405.03869), and what the same experiments give under "
        "one protocol: the same loader, shuffling, epochs and seeds for every arm, the last epoch's model, given "
        "labels for label-quality scores, clean validation gradients for influence functions, random removal as the "
        "control. Intervals are 95 %, over seeds. A smaller scale than the paper's is stated with the run.",
    ]
    runs: dict[str, Run] = {}
    for one, run in tested:
        if one.suite not in runs:
            runs[one.suite] = run
            parts += [f"## {escaped(str(run.info['title']))}"]
        finding = _tested(one, run)
        said = f"- The paper ({one.place}): {one.paper}\n- Here: {finding.ours}\n- **{finding.verdict}**"
        parts += [f"### {one.statement}", said]
    parts += ["## What the figures come from", *(_source(run) for run in runs.values())]
    return "\n\n".join(parts) + "\n"


def _tested(one: Claim, run: Run) -> Finding:
    try:
        return one.function(run)
    except KeyError as missing:
        return Finding("–", f"Not tested: this run has no {escaped(str(missing.args[0]))}.")


def _source(run: Run) -> str:
    info = run.info
    facts = {
        "command": f"`{info['command']}`",
        "commit": info["commit"],
        "machine": flat(info["machine"]),
        "versions": flat(info["versions"]),
        "date": info["created"],
    }
    return "\n".join([f"**{escaped(str(info['suite']))}**", "", *(f"- {key}: {value}" for key, value in facts.items())])
