"""Labels of points in a plot, placed where they hide neither a point nor each other."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

DISTANCES = (5, 9, 14, 20, 28, 38, 50, 64, 84)  # from the middle of a point to its label, in typographic points
SIDES = {"left": (0, 25, -25, 50, -50), "right": (180, 155, -155, 130, -130), "center": (90, -90)}
"""Angles at which a label may lie, in degrees, by the side of the label that faces its point."""


def place(axes: Axes, points: NDArray[np.float64], texts: Sequence[str], line: NDArray[np.float64]) -> None:
    """Label points (n, 2), in their order; a point without a free place near it gets no label.

    Args:
        axes: with its limits and size final.
        points: in data coordinates.
        texts: labels of the first points; the other points are only obstacles.
        line: points (m, 2) of a curve, which is an obstacle too.
    """
    pixels = axes.get_figure(root=True).dpi / 72  # type: ignore[union-attr]
    spots, curve = axes.transData.transform(points), axes.transData.transform(line)
    taken = [_square(spot, 3 * pixels) for spot in spots] + [_square(spot, pixels) for spot in curve]
    for point, spot, text in zip(points, spots, texts, strict=False):
        label = axes.annotate(text, point, (0, 0), textcoords="offset points", va="center", zorder=4, in_layout=False)
        size = np.add(label.get_window_extent().size, (3 * pixels, 0))
        for shift, side in _candidates():
            box = _box(spot + pixels * shift, size, side)
            if _inside(box, axes.bbox) and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                label.set(position=tuple(shift), horizontalalignment=side)
                if np.linalg.norm(shift) > DISTANCES[1]:
                    end = axes.transData.inverted().transform(spot + 0.95 * pixels * shift)
                    axes.plot(*zip(point, end, strict=True), color="#b4b8bf", linewidth=0.4, zorder=1)
                break
        else:
            label.remove()


def _candidates() -> list[tuple[NDArray[np.float64], str]]:
    """Places for a label, nearest first: the shift from its point, and the side of the label that faces the point."""
    directions = [(np.deg2rad(degrees), side) for side, angles in SIDES.items() for degrees in angles]
    return [(r * np.array([np.cos(angle), np.sin(angle)]), side) for r in DISTANCES for angle, side in directions]


def _box(anchor: NDArray[np.float64], size: NDArray[np.float64], side: str) -> Bbox:
    left = anchor[0] - size[0] * {"left": 0, "center": 0.5, "right": 1}[side]
    return Bbox.from_bounds(left, anchor[1] - size[1] / 2, size[0], size[1])


def _square(middle: NDArray[np.float64], radius: float) -> Bbox:
    return Bbox.from_extents(*(middle - radius), *(middle + radius))


def _inside(box: Bbox, frame: Bbox) -> bool:
    return bool(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1)
