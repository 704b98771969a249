"""The gradient engine's times: as tables for a terminal, and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import ceil
from statistics import median
from textwrap import shorten
from typing import Any

from rich.console import Console
from rich.table import Table

from .. import fingerprint
from ..instruments import machine
from .comparison import Comparison
from .peers import peers
from .scaling import Scaling, exponent
from .times import Measured, Row
from .works import EPOCH, FORWARD, Goal

NOTES = (
    "Medians of calls in turn, on one thread. Seconds, ratios and goals are of CPU time, so that other processes on the"
    " machine count little; missed is by how much. MB: peak memory above the loaded problem."
)
PEER_NOTES = (
    "Peers: their CPU time over ours, and ρ, the rank correlation of the scores. Each runs in a process of its own, in"
    " turn with our work, with a frozen heap and an allocator that keeps what is freed; ours has neither. Beside peers,"
    " inner products include the validation gradient on both sides. Isolation forests agree as two seeds of one do."
)


def print_measured(found: Measured, comparisons: Sequence[Comparison], console: Console) -> None:
    """A network's table, with the peers of each work below it and what is to be said of them after it."""
    console.print(
        f"\n{found.network}: {found.parameters:,} parameters, {found.n:,} rows in batches of {found.batch_size}, "
        f"median of {found.repeats}",
        highlight=False,
    )
    table = _table("work", "CPU s", "× fwd", "× epoch", "goal", "", "MB")
    unit = {row.work: row.cpu_seconds for row in found.rows}
    for row in found.rows:
        table.add_row(row.work, *_ratios(row.cpu_seconds, unit), _goal(row, unit), _verdict(row), _megabytes(row))
        for one in comparisons:
            if one.work == row.work:
                table.add_row(f"  {one.peer}", *_compared(one, unit), style="dim")
    console.print(table)
    for line in sorted({_remark(one) for one in comparisons if one.error or one.differs}):
        console.print(line, style="dim", markup=False, highlight=False)


def print_notes(found: Sequence[Measured], with_peers: bool, console: Console) -> None:
    """How all tables are to be read: once, after them."""
    console.print(f"\n{NOTES}", highlight=False)
    goals = {row.work: row.goal for one in found for row in one.rows if row.goal.keys() - {FORWARD, EPOCH}}
    for work, goal in goals.items():
        console.print(f"Goal of {work}: {_sum(goal)}.", highlight=False)
    if with_peers:
        console.print(
            f"{PEER_NOTES} Versions: {', '.join(f'{k} {v}' for k, v in peer_versions().items())}.", highlight=False
        )


def as_json(found: Sequence[Measured], comparisons: Mapping[str, Sequence[Comparison]]) -> dict[str, Any]:
    """Every figure, each call's wall and CPU seconds, and the machine, versions and commit."""
    return {
        "machine": machine.describe(),
        "commit": machine.commit(),
        "versions": fingerprint.versions(),
        "peer_versions": peer_versions(),
        "threads": 1,
        "networks": [
            asdict(one) | {"peers": [asdict(peer) for peer in comparisons.get(one.network, [])]} for one in found
        ],
    }


def peer_versions() -> dict[str, str]:
    """Version of each peer library, or 'not installed'."""
    return {one.package: one.version for one in peers()}


def print_scaling(found: Scaling, console: Console) -> None:
    """A table of CPU seconds and of these by size, and the exponents below it."""
    console.print(f"\n{found.title}", highlight=False)
    each = "µs/row" if found.unit == "rows" else "ns/parameter"
    scale = 1e6 if found.unit == "rows" else 1e9
    titles = [title for name in found.cpu_seconds for title in (name, each)]
    table = _table(found.unit, *titles)
    for number, size in enumerate(found.sizes):
        own = [seconds[number] for seconds in found.cpu_seconds.values()]
        table.add_row(f"{size:,}", *(cell for s in own for cell in (f"{s:.3g}", f"{scale * s / size:.3g}")))
    last = {name: exponent(found.sizes[-2:], seconds[-2:]) for name, seconds in found.cpu_seconds.items()}
    for title, exponents in (("exponent", found.exponents), ("at the end", last)):
        table.add_row(title, *(cell for value in exponents.values() for cell in (f"{value:.2f}", "")), style="bold")
    console.print(table)


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for number, title in enumerate(titles):
        table.add_column(title, justify="right" if number else "left", overflow="fold", no_wrap=number > 0)
    return table


def _ratios(seconds: float, unit: Mapping[str, float]) -> tuple[str, str, str]:
    return f"{seconds:.3g}", _number(seconds / unit[FORWARD]), _number(seconds / unit[EPOCH])


def _number(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 100 else f"{ratio:.0f}"


def _goal(row: Row, unit: Mapping[str, float]) -> str:
    if row.allowed is None:
        return ""
    base, word = (EPOCH, "epoch") if EPOCH in row.goal else (FORWARD, "fwd")
    return f"{_number(row.allowed / unit[base])} {word}"


def _verdict(row: Row) -> str:
    if row.allowed is None:
        return ""
    return "[green]met[/]" if row.met else f"[red]missed {ceil(100 * (row.cpu_seconds / row.allowed - 1))}%[/]"


def _megabytes(row: Row) -> str:
    return f"{row.peak_bytes / 1e6:.0f}"


def _compared(one: Comparison, unit: Mapping[str, float]) -> tuple[str, ...]:
    if one.factor is None or one.spearman is None:
        return "", "", "", "fails", "", ""
    seconds = median(time.cpu_seconds for time in one.times)
    return *_ratios(seconds, unit), f"{one.factor:.3g} × ours", f"ρ {one.spearman:.3f}", ""


def _remark(one: Comparison) -> str:
    return f"{one.peer} fails on {one.work}: {shorten(one.error, 100)}" if one.error else f"{one.peer} {one.differs}"


def _sum(goal: Goal) -> str:
    return " + ".join(name if factor == 1 else f"{factor:g} × {name}" for name, factor in goal.items())
