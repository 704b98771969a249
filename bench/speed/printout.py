"""Tables of the gradient engine's times, for a terminal."""

from collections.abc import Mapping, Sequence
from math import ceil
from statistics import median
from textwrap import shorten

from rich.console import Console
from rich.table import Table

from .comparison import Comparison
from .figures import peer_versions
from .scaling import Scaling, exponent
from .times import Measurement, Row
from .works import EPOCH, FORWARD, Goal

NOTES = (
    "Medians of calls in turn, on one thread. Seconds, ratios and goals are of CPU time, so that other processes on the"
    " machine count little; on a GPU they are of wall time. A missed goal says by how much. MB: peak memory above the"
    " loaded problem."
)
PEER_NOTES = (
    "Peers: their time over ours, and ρ, the rank correlation of the scores. Each runs in a process of its own, in"
    " turn with our work, with a frozen heap and an allocator that keeps what is freed; ours has neither. In the"
    " comparison, inner products include the validation gradient on both sides. Isolation forests agree as well as two"
    " seeds of the same forest do."
)


def print_measurement(measurement: Measurement, comparisons: Sequence[Comparison], console: Console) -> None:
    """Print a network's table, with the peers of each work below it, then remarks on these peers."""
    console.print(
        f"\n{measurement.network}: {measurement.parameters:,} parameters, {measurement.n:,} rows in batches of "
        f"{measurement.batch_size}, median of {measurement.repeats}",
        highlight=False,
    )
    table = _table("work", "s", "× fwd", "× epoch", "goal", "", "MB")
    seconds = {row.work: row.priced_seconds for row in measurement.rows}
    for row in measurement.rows:
        ratios = _ratios(row.priced_seconds, seconds)
        table.add_row(row.work, *ratios, _goal(row, seconds), _verdict(row), _megabytes(row))
        for comparison in comparisons:
            if comparison.work == row.work:
                table.add_row(f"  {comparison.peer}", *_compared(comparison, seconds), style="dim")
    console.print(table)
    for line in sorted({_remark(comparison) for comparison in comparisons if comparison.error or comparison.differs}):
        console.print(line, style="dim", markup=False, highlight=False)


def print_notes(measurements: Sequence[Measurement], with_peers: bool, console: Console) -> None:
    """Print how to read the tables: once, after all of them."""
    console.print(f"\n{NOTES}", highlight=False)
    rows = [row for measurement in measurements for row in measurement.rows]
    goals = {row.work: row.goal for row in rows if row.goal.keys() - {FORWARD, EPOCH}}
    for work, goal in goals.items():
        console.print(f"Goal of {work}: {_sum(goal)}.", highlight=False)
    if with_peers:
        versions = ", ".join(f"{package} {version}" for package, version in peer_versions().items())
        console.print(f"{PEER_NOTES} Versions: {versions}.", highlight=False)


def print_scaling(scaling: Scaling, console: Console) -> None:
    """Print a table of CPU seconds, whole and per row or parameter, with the exponents below."""
    console.print(f"\n{scaling.title}", highlight=False)
    each = "µs/row" if scaling.unit == "rows" else "ns/parameter"
    factor = 1e6 if scaling.unit == "rows" else 1e9
    titles = [title for name in scaling.priced_seconds for title in (name, each)]
    table = _table(scaling.unit, *titles)
    for number, size in enumerate(scaling.sizes):
        seconds = [series[number] for series in scaling.priced_seconds.values()]
        table.add_row(f"{size:,}", *(cell for s in seconds for cell in (f"{s:.3g}", f"{factor * s / size:.3g}")))
    last = {name: exponent(scaling.sizes[-2:], series[-2:]) for name, series in scaling.priced_seconds.items()}
    for title, exponents in (("exponent", scaling.exponents), ("at the end", last)):
        table.add_row(title, *(cell for value in exponents.values() for cell in (f"{value:.2f}", "")), style="bold")
    console.print(table)


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for number, title in enumerate(titles):
        table.add_column(title, justify="right" if number else "left", overflow="fold", no_wrap=number > 0)
    return table


def _ratios(seconds: float, of_works: Mapping[str, float]) -> tuple[str, str, str]:
    return f"{seconds:.3g}", _number(seconds / of_works[FORWARD]), _number(seconds / of_works[EPOCH])


def _number(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 100 else f"{ratio:.0f}"


def _goal(row: Row, of_works: Mapping[str, float]) -> str:
    if row.allowed is None:
        return ""
    base, word = (EPOCH, "epoch") if EPOCH in row.goal else (FORWARD, "fwd")
    return f"{_number(row.allowed / of_works[base])} {word}"


def _verdict(row: Row) -> str:
    if row.allowed is None:
        return ""
    return "[green]met[/]" if row.met else f"[red]missed {ceil(100 * (row.priced_seconds / row.allowed - 1))}%[/]"


def _megabytes(row: Row) -> str:
    return f"{row.peak_bytes / 1e6:.0f}"


def _compared(comparison: Comparison, of_works: Mapping[str, float]) -> tuple[str, ...]:
    if comparison.factor is None or comparison.spearman is None:
        return "", "", "", "fails", "", ""
    seconds = median(time.priced_seconds for time in comparison.times)
    ratios = _ratios(seconds, of_works)
    return *ratios, f"{comparison.factor:.3g} × ours", f"ρ {comparison.spearman:.3f}", ""


def _remark(comparison: Comparison) -> str:
    if comparison.error:
        return f"{comparison.peer} fails on {comparison.work}: {shorten(comparison.error, 100)}"
    return f"{comparison.peer} {comparison.differs}"


def _sum(goal: Goal) -> str:
    return " + ".join(name if factor == 1 else f"{factor:g} × {name}" for name, factor in goal.items())
