"""The commands on suites and their runs: `run`, `plan`, `trim`, `report`, `claims` and `compare`."""

import json
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ...reports.compare import compare as compare_frames
from ..errors import InputError
from ..results.opening import ARCHIVE, open_run
from ..results.run import Run
from ..run.plan import plan as plan_suite
from ..run.runner import run as run_suite
from ..run.trim import trim as trim_run
from .console import (
    SEVERAL,
    AsJson,
    Device,
    Full,
    Plugins,
    Precision,
    Seeds,
    SuiteName,
    Workers,
    duration,
    print_table,
    split,
)


def run(
    suite: SuiteName,
    methods: Annotated[str | None, typer.Option(help=f"Rows to run: name or name[key=value]. {SEVERAL}")] = None,
    datasets: Annotated[str | None, typer.Option(help=f"Which of the suite's datasets to run. {SEVERAL}")] = None,
    seeds: Seeds = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder; default runs/SUITE.")] = None,
    workers: Workers = None,
    device: Device = "cpu",
    precision: Precision = None,
    full: Full = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed cells again.")] = False,
    plugin: Plugins = None,
    salt: Annotated[str | None, typer.Option(help="Make a sealed run again: the salt in its run.json.")] = None,
) -> None:
    """Run a suite, or finish it, and write its report."""
    if out is not None and (out / ARCHIVE).exists():
        raise InputError(f"--out {out} holds a published run, which does not change: choose another folder")
    done = run_suite(
        suite, out, methods=split(methods), datasets=split(datasets), seeds=seeds, full=full, workers=workers,
        device=device, precision=precision, plugins=plugin or [], retry_failed=retry_failed, salt=salt,
    )  # fmt: skip
    _report([done], done.folder / "report")
    _check_any_done(done)


def plan(
    suite: SuiteName,
    methods: Annotated[str | None, typer.Option(help=f"Rows to plan: name or name[key=value]. {SEVERAL}")] = None,
    datasets: Annotated[str | None, typer.Option(help=f"Which of the suite's datasets to plan. {SEVERAL}")] = None,
    seeds: Seeds = None,
    workers: Workers = None,
    device: Device = "cpu",
    precision: Precision = None,
    full: Full = False,
    as_json: AsJson = False,
    plugin: Plugins = None,
) -> None:
    """Estimate the time and the memory of a suite before it runs."""
    estimate = plan_suite(
        suite, methods=split(methods), datasets=split(datasets), seeds=seeds, full=full, workers=workers,
        device=device, precision=precision, plugins=plugin or [],
    )  # fmt: skip
    frame = estimate.frame
    if as_json:
        totals = {name: value for name, value in vars(estimate).items() if name != "frame"}
        rows = json.loads(frame.to_json(orient="records"))
        print(json.dumps({"estimates": rows} | totals, indent=1, ensure_ascii=False))
        return
    frame = frame.rename(columns={"peak_bytes": "peak MB"}).assign(**{"peak MB": frame["peak_bytes"] / 1e6})
    columns = ["method", "seconds", "epochs", "peak MB", *(["remark"] if frame["remark"].any() else [])]
    for problem, group in frame.groupby("problem", sort=False):
        print(problem)
        print_table(group[columns])
        print()
    print(
        f"Seeds: {estimate.seeds}, workers: {estimate.workers}. In all about {duration(estimate.scoring_seconds)} of "
        f"scoring, and at most {duration(estimate.training_seconds)} of training, for problems that are not prepared "
        "yet."
    )


def trim(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    more: Annotated[list[str] | None, typer.Argument(metavar="[BUDGET]...", help="Further budgets.")] = None,
    budget: Annotated[str, typer.Option(help=f"Shares of the rows to remove, or true. {SEVERAL}")] = "5% true",
    methods: Annotated[str | None, typer.Option(help=f"Rows of the run to trim by; default all. {SEVERAL}")] = None,
    seeds: Annotated[int, typer.Option(help="Trainings of each arm.")] = 3,
    workers: Workers = None,
) -> None:
    """Retrain without the rows that methods suspect, and report anew.

    Models trained without as many random rows are the comparison.
    """
    budgets = [*(split(budget) or []), *(more or [])]
    done = trim_run(run, budgets, seeds, methods=split(methods), workers=workers)
    _report([done], run / "report")


def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    out: Annotated[Path | None, typer.Option(help="The report's folder; default RUN/report.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Turn finished runs into a leaderboard page."""
    opened = [open_run(folder) for folder in runs]
    page = _report(opened, out or runs[0] / "report")
    if open_:
        webbrowser.open(page.resolve().as_uri())


def claims(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs of the suites paper-*.")],
    out: Annotated[Path, typer.Option(help="The folder of the page.")] = Path("runs/claims"),
) -> None:
    """Test the paper's claims on runs of its suites.

    The page shows its figures, ours and a verdict for each claim.
    """
    # Plots take a second to import. Commands that draw none should not wait for them: only imports of plots, here and
    # below, are inside functions.
    from ...reports.claims.page import write_claims

    print(f"Claims: {write_claims([open_run(folder) for folder in runs], out)}")


def compare(
    run_a: Annotated[Path, typer.Argument(help="Folder of the first run.")],
    run_b: Annotated[Path, typer.Argument(help="Folder of the second run.")],
) -> None:
    """Compare two runs cell by cell."""
    print_table(compare_frames(open_run(run_a).frame(), open_run(run_b).frame()).reset_index())


def _check_any_done(run: Run) -> None:
    """End with status 1 and the first error if no cell of a run ended well."""
    cells = run.cells()
    if cells and all(cell.status != "ok" for cell in cells):
        first = cells[0]
        reason = " ".join((first.error or first.status).split())
        print(f"influence-bench: no cell ended well; {first.method} on {first.problem}: {reason}", file=sys.stderr)
        raise SystemExit(1)


def _report(runs: list[Run], out: Path) -> Path:
    from ...reports.page import write_report

    page = write_report(runs, out)
    print(f"Report: {page}")
    return page
