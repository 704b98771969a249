"""What trimming by each method is worth: accuracy after retraining, beside the random removal of as many rows."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..bench.errors import InputError
from ..bench.results import Run, write, writer
from .plots import COLUMN, MOST, PAGE, ROW, grid, image, method_axis, whiskers
from .statistics import mean_interval
from .style import PRINT
from .tables import escaped

RANDOM = "random"


def gains(trimmed: pd.DataFrame) -> pd.DataFrame:
    """One row per problem, budget and removal: accuracy, and its difference from random removal, best first.

    Differences are paired: the same problem with the same seed, trained with the same seed. The 95 % interval is
    Student's, over the problem's seeds where there are several (the trainings of each then count as their mean, since
    they share the rows that are removed), else over trainings.

    Args:
        trimmed: as `Run.trimmed` returns it.
    """
    budgets = trimmed.loc[trimmed["removal"] == RANDOM, ["problem", "problem_seed", "budget", "seed", "accuracy"]]
    whole = trimmed[trimmed["budget"] == ""].drop(columns="budget")
    arms = pd.concat(
        [
            trimmed[trimmed["budget"] != ""],
            whole.merge(budgets.drop(columns="accuracy"), on=["problem", "problem_seed", "seed"]),
        ]
    )
    keys = ["problem", "problem_seed", "budget", "seed"]
    pairs = arms.merge(budgets.rename(columns={"accuracy": "beside"}), on=keys)
    pairs["gain"] = pairs["accuracy"] - pairs["beside"]
    rows = [
        {"problem": problem, "budget": budget, "removal": removal} | _summary(part)
        for (problem, budget, removal), part in pairs.groupby(["problem", "budget", "removal"])
    ]
    table = pd.DataFrame(rows)
    order = table["budget"].map(lambda text: 101.0 if text == "true" else float(text.removesuffix("%")))
    return (
        table.assign(order=order)
        .sort_values(["problem", "order", "gain", "removal"], ascending=[True, True, False, True], ignore_index=True)
        .drop(columns="order")
    )


def _summary(part: pd.DataFrame) -> dict[str, float]:
    means = part.groupby("problem_seed")["gain"].mean()
    gain, low, high = mean_interval(means if len(means) > 1 else part["gain"])
    return {
        "removed": part["k"].mean(),
        "wrong": (part["wrong_labels"].sum() / part["k"].sum()) if part["k"].sum() else np.nan,
        "accuracy": part["accuracy"].mean(),
        "gain": gain,
        "low": low,
        "high": high,
        "trainings": len(part),
    }


def markdown(table: pd.DataFrame, title: str) -> str:
    """The gains as Markdown, a table for each problem and budget."""
    parts = [
        f"# {escaped(title)}: trim and retrain",
        "Test accuracy at the last epoch after training without the rows that each method suspects most, and the "
        "difference in points from removing as many at random (paired by seed, 95 % interval). `oracle` removes wrong "
        "labels first, which no method could know.",
    ]
    for (problem, budget), rows in table.groupby(["problem", "budget"], sort=False):
        shown = pd.DataFrame(
            {
                "removal": rows["removal"].map(escaped),
                "accuracy": rows["accuracy"].map("{:.2%}".format),
                "gain over random": [points(*one) for one in rows[["gain", "low", "high"]].to_numpy()],
                "wrong among the removed": rows["wrong"].map(lambda value: "–" if np.isnan(value) else f"{value:.0%}"),
                "trainings": rows["trainings"],
            }
        )
        parts += [
            f"## {escaped(str(problem))}, without {_words(str(budget))}",
            shown.to_markdown(index=False, disable_numparse=True),
        ]
    return "\n\n".join(parts) + "\n"


def _words(budget: str) -> str:
    return "as many rows as are wrong" if budget == "true" else f"{budget} of the rows"


def write_trimming(run: Run, out: Path) -> Path:
    """Write what trimming was worth in a run: `trimming.md`, `trimming.csv` and a picture.

    Raises:
        InputError: if nothing has been retrained yet.
    """
    trimmed = run.trimmed()
    if trimmed.empty:
        raise InputError(f"{run.folder} has no retrained models yet: influence-bench trim {run.folder}")
    table = gains(trimmed)
    families = {record["method"]: record["family"] for record in run.records()}
    contents = {
        "trimming.csv": table.to_csv(index=False).encode(),
        "trimming.md": markdown(table, str(run.info["title"])).encode(),
    }
    for name, width in (("trimming", COLUMN), ("trimming-wide", PAGE)):
        figure = picture(table, lambda removal: families.get(removal, "control"), width)
        contents |= {f"plots/{name}.{kind}": image(figure, kind) for kind in ("svg", "png")}
    for name, content in contents.items():
        write(out / name, writer(content))
    return out / "trimming.md"


def points(gain: float, low: float, high: float) -> str:
    """A difference of accuracies in percentage points, with its interval."""
    if gain == low == high == 0:
        return "0"
    return f"{100 * gain:+.2f}" + ("" if np.isnan(low) else f" [{100 * low:+.2f}, {100 * high:+.2f}]")


@mpl.rc_context(PRINT)
def picture(table: pd.DataFrame, family: Callable[[str], str], width: float) -> Figure:
    """Gains over random removal with their intervals: a panel for each problem and budget."""
    table = table[table["removal"] != RANDOM]
    panels = list(table.groupby(["problem", "budget"], sort=False))
    order = table.groupby("removal")["gain"].mean().sort_values(ascending=False).index[:MOST]
    across = min(len(panels), 2 if width < PAGE else 4)
    down = -(-len(panels) // across)
    figure, every = grid(width, down * (ROW * len(order) + 0.6), down, across)
    for axes, ((problem, budget), rows) in zip(every, panels, strict=False):
        part = 100 * rows.set_index("removal").reindex(order)[["gain", "low", "high"]]
        whiskers(axes, part["gain"], part["low"], part["high"], pd.Series([family(name) for name in order]), 0.0)
        method_axis(axes, list(order))
        axes.set_title(f"{problem}".replace(" · ", "\n") + f"\nwithout {_words(str(budget))}", loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(4))
    for axes in every[len(panels) :]:
        axes.remove()
    figure.supxlabel("points of test accuracy over random removal", fontsize=7)
    return figure
