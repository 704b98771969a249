"""The command `influence-bench`."""

import json
import sys
import webbrowser
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ...datasets.dataset import DATASETS
from ...datasets.files.download import data_folder
from ..audit.suspects import score_table, write_table
from ..errors import InputError
from ..registry.arguments import pieces
from ..registry.method import METHODS
from ..results.run import Run, open_run
from ..run.plan import plan as plan_suite
from ..run.runner import run as run_suite
from ..run.trim import trim as trim_run
from ..speed import saved as benchmarks
from .listing import Plugins, list_, load_plugins, print_table, show
from .speed import bench

app = typer.Typer(
    name="influence-bench",
    help="Which training samples hurt my model, which method finds them best, and what does that cost?",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(bench, name="bench")
app.command("list")(list_)
app.command()(show)
STOPPED = "stopped; what a run has finished is kept, and the same command goes on from there"
Many = "Several may be given, separated by spaces or commas outside brackets."


@app.command()
def download(
    names: Annotated[list[str], typer.Argument(help="Datasets: name or name[key=value].")],
) -> None:
    """Download datasets and read them whole, so that nothing is amiss when a run needs them."""
    asked = [DATASETS.parse(name) for name in names]
    for name, (loader, arguments) in zip(names, asked, strict=True):
        if not loader.downloads:
            print(f"{name} needs no download: {loader.source}")
            continue
        rows = len(loader.read(0, **arguments).y)
        print(f"{name}: {rows:,} rows to learn from, in {data_folder()}; licence: {loader.licence}")


@app.command()
def run(
    suite: Annotated[str, typer.Argument(help="A suite's name, or a TOML file.")],
    methods: Annotated[str | None, typer.Option(help=f"Rows to run: name or name[key=value]. {Many}")] = None,
    datasets: Annotated[str | None, typer.Option(help=f"Which of the suite's datasets to run. {Many}")] = None,
    seeds: Annotated[int | None, typer.Option(help="How many seeds.")] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder; default runs/SUITE.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes at a time; default one per core.")] = None,
    device: Annotated[str, typer.Option(help="Where to train and score: cpu, cuda or cuda:1.")] = "cpu",
    full: Annotated[bool, typer.Option("--full", help="Every row of the datasets, not the suite's subset.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run failed cells again.")] = False,
    plugin: Plugins = None,
) -> None:
    """Run a suite, or finish it, and write its report."""
    done = run_suite(
        suite, out, methods=_split(methods), datasets=_split(datasets), seeds=seeds, full=full, workers=workers,
        device=device, plugins=plugin or [], retry_failed=retry_failed,
    )  # fmt: skip
    _report([done], done.folder / "report")


@app.command()
def plan(
    suite: Annotated[str, typer.Argument(help="A suite's name, or a TOML file.")],
    methods: Annotated[str | None, typer.Option(help=f"Rows to plan: name or name[key=value]. {Many}")] = None,
    datasets: Annotated[str | None, typer.Option(help=f"Which of the suite's datasets to plan. {Many}")] = None,
    seeds: Annotated[int | None, typer.Option(help="How many seeds.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes at a time; default one per core.")] = None,
    device: Annotated[str, typer.Option(help="Where to train and score: cpu, cuda or cuda:1.")] = "cpu",
    full: Annotated[bool, typer.Option("--full", help="Every row of the datasets, not the suite's subset.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    plugin: Plugins = None,
) -> None:
    """Estimate what a suite will take, before it runs."""
    told = plan_suite(
        suite, methods=_split(methods), datasets=_split(datasets), seeds=seeds, full=full, workers=workers,
        device=device, plugins=plugin or [],
    )  # fmt: skip
    if as_json:
        totals = {name: value for name, value in vars(told).items() if name != "frame"}
        estimates = json.loads(told.frame.to_json(orient="records"))
        print(json.dumps({"estimates": estimates} | totals, indent=1, ensure_ascii=False))
        return
    frame = told.frame.rename(columns={"peak_bytes": "peak MB"}).assign(**{"peak MB": told.frame["peak_bytes"] / 1e6})
    columns = ["method", "seconds", "epochs", "peak MB", *(["remark"] if frame["remark"].any() else [])]
    for problem, rows in frame.groupby("problem", sort=False):
        print(problem)
        print_table(rows[columns])
        print()
    print(
        f"Seeds: {told.seeds}, workers: {told.workers}. In all about {_duration(told.scoring_seconds)} of scoring, and "
        f"at most {_duration(told.training_seconds)} of training, for problems that are not prepared yet."
    )


@app.command()
def trim(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    more: Annotated[list[str] | None, typer.Argument(metavar="[BUDGET]...", help="Further budgets.")] = None,
    budget: Annotated[str, typer.Option(help=f"Shares of the rows to remove, or true. {Many}")] = "5% true",
    methods: Annotated[str | None, typer.Option(help=f"Rows of the run to trim by; default all. {Many}")] = None,
    seeds: Annotated[int, typer.Option(help="Trainings of each arm.")] = 3,
    workers: Annotated[int | None, typer.Option(help="Processes at a time; default one per core.")] = None,
) -> None:
    """Retrain without the rows that a run's methods suspect, beside random removal, and write the report anew."""
    budgets = [*(_split(budget) or []), *(more or [])]
    done = trim_run(run, budgets, seeds, methods=_split(methods), workers=workers)
    _report([done], run / "report")


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    out: Annotated[Path | None, typer.Option(help="The report's folder; default RUN/report.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Turn finished runs into a leaderboard page."""
    opened = [open_run(folder) for folder in runs]
    page = _report(opened, out or opened[0].folder / "report")
    if open_:
        webbrowser.open(page.resolve().as_uri())


@app.command()
def claims(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs of the suites paper-*.")],
    out: Annotated[Path, typer.Option(help="The folder of the page.")] = Path("runs/claims"),
) -> None:
    """Test the paper's claims on runs of its suites: its figures beside ours, with a verdict each."""
    from ...reports.claims.page import write_claims

    print(f"Claims: {write_claims([open_run(folder) for folder in runs], out)}")


@app.command()
def compare(
    run_a: Annotated[Path, typer.Argument(help="Folder of the first run.")],
    run_b: Annotated[Path, typer.Argument(help="Folder of the second run.")],
) -> None:
    """Compare two runs cell by cell."""
    from ...reports.compare import compare as compare_frames

    print_table(compare_frames(open_run(run_a).frame(), open_run(run_b).frame()).reset_index())


@app.command()
def timings(
    before: Annotated[str, typer.Argument(help="A saved benchmark run: its file, or its name under .benchmarks.")],
    after: Annotated[str, typer.Argument(help="Another, or a later one.")],
    threshold: Annotated[float, typer.Option(help="Ratio from which a benchmark has become slower.")] = 1.2,
) -> None:
    """Compare two saved runs of tests/benchmarks; exit status 1 if anything has become slower."""
    first, second = (benchmarks.read(benchmarks.saved(name)) for name in (before, after))
    frame = benchmarks.compare(first, second, threshold)
    named = frame.assign(benchmark=frame["benchmark"].map(lambda name: name.partition("::")[2] or name))
    print_table(named.astype(object).fillna("-"))
    for verdict in ("faster", "new", "gone", "slower"):
        names = named["benchmark"][named["verdict"] == verdict]
        if len(names):
            print(f"{verdict} ({len(names)}): {', '.join(names)}")
    if (frame["verdict"] == "slower").any():
        raise SystemExit(1)
    print(f"Nothing has become slower by a factor of {threshold:g}.")


@app.command()
def score(
    data: Annotated[Path, typer.Option(help="A CSV, TSV or Parquet file with a header.")],
    label: Annotated[str, typer.Option(help="The column of labels.")],
    method: Annotated[str, typer.Option(help="name or name[key=value,...]")] = "outlier-gradient",
    out: Annotated[Path | None, typer.Option(help="Where to write the ranked rows, as CSV.")] = None,
    valid: Annotated[Path | None, typer.Option(help="A file of the same columns with trusted labels.")] = None,
    model: Annotated[str, typer.Option(help="The model to train on the table.")] = "mlp",
    seed: Annotated[int, typer.Option(help="Of training and method.")] = 0,
    plugin: Plugins = None,
) -> None:
    """Rank the rows of your own table, most suspect first."""
    load_plugins(plugin)
    if out is not None and out.resolve() in {data.resolve(), valid.resolve() if valid else None}:
        raise InputError(f"--out {out} is an input file; choose another name")
    found, given = METHODS.parse(method)
    ranked = score_table(data, label, found.name, model, valid, seed, **given)
    if out is None:
        print_table(ranked.head(20))
    else:
        write_table(ranked, out)
        print_table(ranked[["rank", "row", "score", label, "predicted"]].head(10))
        print(f"All {len(ranked)} rows, the most suspect first: {out}")


def main() -> NoReturn:
    """Run the command line; a user's mistake is one line on standard error and exit status 2."""
    try:
        interrupted = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
    except (InputError, OSError) as error:
        _leave(_one_line(error), 2)
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error, as the command line library words it
            _leave(error.format_message() or "see --help", 2)
        raise
    if interrupted:
        _leave(STOPPED, interrupted)
    raise SystemExit(0)


def _leave(message: str, code: int) -> NoReturn:
    print(f"influence-bench: {message}", file=sys.stderr)
    raise SystemExit(code)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}; mend that, or choose another place"
    return " ".join(str(error).split())


def _report(runs: list[Run], out: Path) -> Path:
    from ...reports.page import write_report  # plots take a second to import, which a listing need not wait for

    page = write_report(runs, out)
    print(f"Report: {page}")
    return page


def _split(text: str | None) -> list[str] | None:
    """Words separated by spaces or commas, those inside brackets apart."""
    return None if text is None else pieces(text, ", ")


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 1 else "a second"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


if __name__ == "__main__":
    main()
