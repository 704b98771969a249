"""Colours, markers and numbers, the same in every table and plot."""

from hashlib import sha256
from math import isnan
from typing import Any

# Okabe and Ito's palette, which colour-blind readers can distinguish: a colour and a marker for each family.
FAMILIES = {
    "outlier gradient": ("#D55E00", "o"),
    "gradient tracing": ("#56B4E9", "s"),
    "influence function": ("#0072B2", "D"),
    "gradient norm": ("#009E73", "^"),
    "label quality": ("#CC79A7", "v"),
    "control": ("#7F7F7F", "X"),
}
SPARE = (("#E69F00", "P"), ("#882255", "p"), ("#999933", "h"), ("#332288", "*"))

PRINT: dict[Any, Any] = {
    "font.size": 7,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial"],
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.edgecolor": "#8a8f98",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": "#3b4048",
    "text.color": "#1b1e23",
    "xtick.color": "#5b616b",
    "ytick.color": "#5b616b",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "text.parse_math": False,  # a dollar in a name stays a dollar
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "influence-bench",  # the same plot gives the same bytes
}


def colour(family: str) -> str:
    """The colour of a family."""
    return _look(family)[0]


def marker(family: str) -> str:
    """Matplotlib's name of the marker of a family."""
    return _look(family)[1]


def _look(family: str) -> tuple[str, str]:
    return FAMILIES.get(family) or SPARE[sha256(family.encode()).digest()[0] % len(SPARE)]


def shade(auc: float) -> str:
    """The background of a ROC-AUC: white at chance, bluer above it, more orange below it."""
    return _mix((255, 255, 255), (0, 114, 178) if auc >= 0.5 else (213, 94, 0), min(1.0, abs(auc - 0.5) * 2) ** 2)


def ink(auc: float) -> str:
    """The text colour that is legible on that background."""
    return "#ffffff" if abs(auc - 0.5) > 0.47 else "#1b1e23"


def _mix(start: tuple[int, ...], end: tuple[int, ...], share: float) -> str:
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(start, end, strict=True))


def share(value: float) -> str:
    """A metric between 0 and 1, to three decimals."""
    return "–" if isnan(value) else f"{value:.3f}"


def interval(low: float, high: float) -> str:
    """` [0.948, 0.958]`, or nothing where there is no interval."""
    return "" if isnan(low) else f" [{share(low)}, {share(high)}]"


def amount(value: float) -> str:
    """A cost: two significant digits below 10, whole numbers above, never in powers of ten."""
    if isnan(value):
        return "–"
    if 0 < value < 0.001:
        return "<0.001"
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.995 else f"{value:.2g}"
