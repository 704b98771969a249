"""Running a suite: what is missing or has changed is done, each piece in a process of its own, several at a time."""

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ..errors import InputError
from ..processes import EndedError, Server
from ..progress import Progress, progress
from ..records import line, parsed
from ..registry.method import METHODS, find_method
from ..registry.plugins import load_plugin
from ..results.records import RunInfo, Status, SuiteRecord
from ..results.run import Run
from ..results.specs import Cell, Precision, ProblemSpec
from .jobs import Answer, Commission, Job, Kept, Prepare, Row, Score
from .pool import Submit, pool, worker_count
from .provenance import provenance
from .record import failure, stale
from .suite import Suite, find_suite

SHOWN = 3  # cells whose reasons for running again are printed
KEEPER = "influence_bench.bench.run.keeper"


def run(
    suite: str | Suite,
    out: str | Path | None = None,
    *,
    methods: Sequence[str] | None = None,
    datasets: Sequence[str] | None = None,
    seeds: int | None = None,
    full: bool = False,
    workers: int | None = None,
    device: str = "cpu",
    precision: Precision | None = None,
    plugins: Sequence[str | Path] = (),
    retry_failed: bool = False,
    salt: str | None = None,
) -> Run:
    """Run a suite, or finish it: finished cells that are still valid are kept.

    A run with rows of third parties, whose methods come from plug-ins or from the entry points of other packages, is
    sealed: its noise depends on a salt that nobody knows until these rows are scored. The keeper's module says how.

    Args:
        suite: its name, a TOML file, or a `Suite`.
        out: the run's folder; default `runs/SUITE`.
        methods: rows to run in place of the suite's, as `name` or `name[key=value]`.
        datasets: those of the suite's datasets to run.
        seeds: how many, from 0.
        full: use every row of the datasets instead of the suite's subset.
        workers: processes at a time, one thread each; default one per core, or one on a CUDA device.
        device: where models are trained and rows scored: `cpu`, `cuda` or `cuda:1`.
        precision: of the models when rows are scored, `half` for bfloat16; default: as the suite says.
        plugins: Python files that register methods.
        retry_failed: run cells again that failed; a sealed row that failed begins the run anew.
        salt: hexadecimal digits, to make a sealed run again with the salt that it published. This run is not sealed.

    Raises:
        InputError: for an unknown name, a value out of range, a dataset that cannot be loaded, or a folder with
            another kind of run.
        OSError: if the folder cannot be written.
    """
    if salt is not None and not re.fullmatch("[0-9a-f]+", salt):
        raise InputError(f"the salt {salt!r} is not hexadecimal: copy it from the run.json of a sealed run")
    files = [Path(plugin).resolve() for plugin in plugins]
    chosen = open_suite(suite, [] if salt is None else files).narrowed(
        methods=methods, datasets=datasets, seeds=seeds, full=full, device=device, precision=precision
    )
    workers = worker_count(workers, device)
    finished = Run(Path(out) if out is not None else Path("runs") / chosen.name)
    if salt is None and (files or METHODS.third_parties):
        folder, command = str(finished.folder.resolve()), provenance(workers, device).command
        if _is_sealed(Commission(chosen, folder, workers, device, [*map(str, files)], retry_failed, command)):
            return finished
        files = []  # the suite has none of their rows
    cells = chosen.cells()
    for name in sorted({cell.method for cell in cells}):
        if find_method(name).function.__module__ == "__main__":
            raise InputError(f"{name} is defined in the script that runs: put it into a file and give plugins=[FILE]")
    if (known := known_info(finished)) and (known.sealed or known.salt != (salt or "")):
        kind = "a sealed run" if known.sealed else "a run with another salt"
        raise InputError(f"{finished.folder} holds {kind}: give --out another folder, or remove it")
    packages = frozenset[str]().union(*(find_method(cell.method).packages(cell.hyperparameters) for cell in cells))
    info = RunInfo(chosen, provenance(workers, device, packages), chosen.not_installed(), salt or "")
    finished.write_info(info)
    with progress(chosen.title) as shown, pool(workers, files) as submit:
        say_not_installed(info, shown)
        prepare_problems(finished, chosen.problem_specs(), submit, shown, info.salt, chosen.views)
        score_cells(finished, chosen, cells, submit, shown, retry_failed)
        say_failures(finished, cells, shown)
    return finished


def open_suite(suite: str | Suite, plugins: Sequence[str | Path]) -> Suite:
    """The suite by its name or file, after the plug-ins have registered their methods."""
    for plugin in plugins:
        load_plugin(Path(plugin))
    return find_suite(suite) if isinstance(suite, str) else suite


def known_info(run: Run) -> RunInfo | None:
    """What a folder says of the run that it holds; None if that is nothing, or damaged."""
    try:
        return run.info
    except InputError:
        return None


def prepare_problems(
    run: Run,
    specs: Iterable[ProblemSpec],
    submit: Submit,
    shown: Progress,
    salt: str = "",
    views: bool = False,
    with_truth: bool = True,
) -> None:
    """Load, train and cache problems.

    Raises:
        InputError: if one of them cannot be prepared.
    """
    folder = str(run.folder.resolve())
    jobs = {spec.slug: Job(folder, Prepare(spec, views, salt, with_truth)) for spec in specs}
    shown.stage("preparing problems", len(jobs))
    for slug, answer in submit(jobs, shown):
        if answer.status != "done":
            raise InputError(f"{slug} cannot be prepared: {answer.error}")


def score_cells(
    run: Run, suite: Suite, cells: Sequence[Cell], submit: Submit, shown: Progress, retry_failed: bool
) -> None:
    """Score cells that are missing or have changed, and say why the latter are scored again."""
    reasons = {
        str(cell): stale(run, cell) or ("it failed" if retry_failed and failed(run, cell) else "") for cell in cells
    }
    pending = {str(cell): cell for cell in cells if reasons[str(cell)]}
    changed = {name: reason for name, reason in reasons.items() if reason not in ("", "new")}
    more = f" (and {len(changed) - SHOWN} more)" if len(changed) > SHOWN else ""
    for name, reason in list(changed.items())[:SHOWN]:
        shown.say(f"again: {name}, since {reason}{more}")
    shown.stage("scoring", len(cells), done=len(cells) - len(pending))
    work_through(run, pending, scoring(run, suite), submit, shown)


def scoring(run: Run, suite: SuiteRecord) -> Callable[[Cell], Job]:
    """The jobs that score cells in a run."""
    folder = str(run.folder.resolve())
    return lambda cell: Job(folder, Score(cell, suite.memory_gib), suite.timeout)


def work_through(
    run: Run,
    pending: Mapping[str, Cell],
    job: Callable[[Cell], Job],
    submit: Submit,
    shown: Progress,
    rows: Mapping[str, Row] | None = None,
) -> None:
    """Score or estimate cells; a cell whose process does not end well is a result too.

    Args:
        run: where the results are stored.
        pending: the cells by name.
        job: what to do for a cell.
        submit: of the pool that does it.
        shown: the progress.
        rows: what methods declare that this process does not know, by label.
    """
    names = list(pending)
    random.Random(0).shuffle(names)  # a slow drift of the machine falls on every method alike
    for name, answer in submit({name: job(pending[name]) for name in names}, shown):
        if answer.status != "done":
            row = (rows or {}).get(pending[name].label)
            run.write_cell(failure(run, pending[name], _status(answer), answer.error, row=row), None)


def failed(run: Run, cell: Cell) -> bool:
    """Whether a cell has run and did not end well."""
    record = run.cell(cell)
    return record is not None and record.status != "ok"


def say_not_installed(info: RunInfo, shown: Progress) -> None:
    """Print which rows are left out."""
    for package, rows in info.not_installed.items():
        shown.say(f"{package} is not installed, so these are left out: {', '.join(rows)}")


def say_failures(run: Run, cells: Sequence[Cell], shown: Progress) -> None:
    """Print how many cells failed, and what to do."""
    count = sum(failed(run, cell) for cell in cells)
    if count:
        shown.say(f"{count} of {len(cells)} cells failed: the report lists them; --retry-failed runs them again")


def _is_sealed(commission: Commission) -> bool:
    """Let a process that knows no third party's code run a suite; False if the suite has no rows of third parties.

    Raises:
        InputError: as `run` does.
    """
    keeper = Server(KEEPER)
    try:
        kept = parsed(Kept, keeper.ask(line(commission)), "the answer of the process that keeps the truth")
    except EndedError as error:
        raise RuntimeError(f"the process that keeps the truth ended: {error}") from None
    finally:
        try:
            keeper.finish()  # when interrupted, it writes the truth about what is scored
        finally:
            keeper.close()
    if kept.error:
        raise InputError(kept.error)
    return kept.has_third_parties


def _status(answer: Answer) -> Status:
    if answer.status == "timeout":
        return "timeout"
    return "out of memory" if answer.error == "killed by signal 9" else "error"
