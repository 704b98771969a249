"""Figures, their panels, and their images."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from io import BytesIO
from warnings import catch_warnings, simplefilter

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .style import PRINT, colour, marker

COLUMN = 3.3  # inches: the width of one column of a paper, and of a phone
PAGE = 7.8  # inches: the width of a page
ROW = 0.155  # inches: one line of text with its leading
MOST = 30  # rows that a plot has room for; tables hold them all


def image(figure: Figure, kind: str) -> bytes:
    """A figure as the bytes of an image; the same figure always gives the same bytes."""
    stream = BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}  # an SVG keeps the version that drew it
    with mpl.rc_context(PRINT), catch_warnings():
        simplefilter("ignore", UserWarning)  # a plot of few rows has less room than its labels would take
        figure.savefig(stream, format=kind, dpi=220, metadata=metadata)
    return stream.getvalue()


def embedded(draw: Callable[[float], Figure]) -> dict[str, str]:
    """A plot as data URIs, `wide` for a page and `narrow` for a phone."""
    return {"wide": uri(image(draw(PAGE), "svg")), "narrow": uri(image(draw(COLUMN), "svg"))}


def uri(svg: bytes) -> str:
    """A plot as a data URI, for a page that needs no other file."""
    return f"data:image/svg+xml;base64,{b64encode(svg).decode()}"


def grid(width: float, height: float, down: int, across: int, sharey: bool = True) -> tuple[Figure, list[Axes]]:
    """A figure, its size in inches, and its panels row by row."""
    figure = Figure((width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(down, across, squeeze=False, sharey=sharey).flat)


def whiskers(
    axes: Axes, middle: pd.Series, low: pd.Series, high: pd.Series, families: pd.Series, reference: float = 0.5
) -> None:
    """A value with its interval for each method, in the colour of its family, and a line at a reference."""
    rows = np.arange(len(middle))
    for row, value, bottom, top, family in zip(rows, middle, low, high, families, strict=True):
        axes.plot([bottom, top], [row, row], color=colour(family), linewidth=1.4, solid_capstyle="butt")
        axes.plot(value, row, marker(family), color=colour(family), markersize=3.6, markeredgewidth=0)
    if axes.get_xlim()[0] <= reference <= axes.get_xlim()[1]:
        axes.axvline(reference, color="#8a8f98", linewidth=0.6, linestyle=(0, (2, 2)), zorder=0.9)
    axes.grid(True)


def method_axis(axes: Axes, methods: Sequence[str] | pd.Series) -> None:
    """The names of the methods on the left, the first at the top."""
    axes.set_yticks(range(len(methods)), list(methods))
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0, labelcolor="#1b1e23")
    axes.spines["left"].set_visible(False)
