"""Tables 6 and 7: what scores cost, with and without the gradients, and how the cost grows."""

from itertools import cycle

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from ....bench.errors import InputError
from ....bench.files import read_json
from ....bench.results.run import Run
from ...drawing import PAGE, grid
from ...statistics import mean_interval, power_of
from ...style import PRINT, amount, colour
from ..claim import Finding, claim, picture
from .figures import OUTLIER, Interval, percent, told

TABLE_6 = (
    "seconds on CIFAR-10N worst: gradient tracing 0.39; outlier gradients by L1 0.74, L2 0.80, isolation forest 2.19; "
    "DataInf 4.01, Self-DataInf 5.5, LiSSA 23.26, Self-LiSSA 31.07"
)
TRACING = "grad-dot"
ONE_PASS = "outlier-gradient[detector=l2]"
AS_RUN = ("datainf-self-paper", "lissa-self-paper", "outlier-gradient-paper")  # are no baselines, but other code
DASHES, MARKERS = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (2, 2))), "osD^vXPp*"


def costs(run: Run) -> pd.DataFrame:
    """One row per finished cell: row of the leaderboard without its layers, family, n, p, seed, what it cost.

    `beyond` are its seconds beyond one pass for the gradients of all rows, which the paper's times leave out: the whole
    without what the L2 norm takes for that pass, and at least what is no pass at all.

    Raises:
        KeyError: if the run has no row of the L2 norm.
    """
    cells = []
    for record in run.records():
        if record["status"] == "ok":
            problem = read_json(run.folder / "problems" / f"{record['problem']}.json")
            kept = {"family": record["family"], "n": problem["n_train"], "p": problem["parameters"]}
            method = record["method"].replace("[layers=all]", "").replace("layers=all,", "").replace(",layers=all", "")
            cells.append({"method": method, "seed": problem["seed"]} | kept | record["cost"])
    frame = pd.DataFrame(cells).set_index("method")
    one_pass = frame.loc[[ONE_PASS]].set_index(["n", "p", "seed"])["gradients_seconds"]
    places = pd.MultiIndex.from_frame(frame[["n", "p", "seed"]])
    left = frame["seconds"] - one_pass.reindex(places).to_numpy()
    return frame.assign(beyond=np.maximum(frame["score_seconds"], left)).reset_index()


def table(frame: pd.DataFrame, figure: str) -> pd.DataFrame:
    """One figure, row × seed."""
    return frame.pivot(index="method", columns="seed", values=figure)


def ratio(wide: pd.DataFrame, row: str, to: str) -> Interval:
    """How many times as much one row takes as another, a geometric mean over seeds."""
    middle, low, high = np.exp(mean_interval(np.log(wide.loc[row] / wide.loc[to])))
    return float(middle), float(low), float(high)


def nearest(wide: pd.DataFrame) -> tuple[str, str, Interval]:
    """The fastest row that is neither an outlier gradient nor tracing, the slowest outlier gradient, their ratio."""
    mean = wide.mean(axis=1)
    slowest = str(mean[[row for row in OUTLIER if row in mean.index]].idxmax())
    others = [row for row in mean.index if row not in (*OUTLIER, *AS_RUN, TRACING)]
    fastest = str(mean[others].idxmin())
    return fastest, slowest, ratio(wide, fastest, slowest)


def times(value: float) -> str:
    """A ratio."""
    return f"{amount(value)}×"


def _judged(frame: pd.DataFrame, factor: float) -> str:
    """Whether every baseline takes more than so many times what outlier gradients do: all counted, and the paper's way.

    Without the gradients some scores take next to nothing, and ratios of these say little; they are told as they are.
    """
    sentences = []
    for figure, name in (("seconds", "Gradients counted"), ("beyond", "Gradients not counted, as in the paper")):
        fastest, slowest, interval = nearest(table(frame, figure))
        stands = interval[1] > factor
        falls = not stands and interval[2] < factor
        word = "it stands" if stands else "it does not stand" if falls else "it cannot be told"
        sentences.append(f"{name}, {word}: {told(fastest, interval, times)} the time of {slowest}.")
    return " ".join(sentences)


@claim("paper-runtime", "section 5, Table 6: running time", TABLE_6)
def outlier_gradients_are_orders_of_magnitude_faster(run: Run) -> Finding:
    """Outlier gradients are orders of magnitude faster than the other baselines."""
    frame = costs(run)
    wide = {figure: table(frame, figure) for figure in ("seconds", "epochs", "beyond", "peak_bytes")}
    order = wide["seconds"].mean(axis=1).sort_values().index
    figures = [
        f"{told(str(row), mean_interval(wide['seconds'].loc[row]), amount)} s"
        f" ({amount(wide['epochs'].loc[row].mean())} epochs; {amount(wide['beyond'].loc[row].mean())} s without the"
        f" gradients; {amount(wide['peak_bytes'].loc[row].mean() / 1e6)} MB)"
        for row in order
    ]
    return Finding("; ".join(figures), _judged(frame, 10.0))


@claim("paper-runtime", "section 5, on Table 6", TABLE_6)
def only_gradient_tracing_is_faster(run: Run) -> Finding:
    """Only gradient tracing is faster."""
    frame = costs(run)
    seconds = table(frame, "seconds")
    rows = [row for row in seconds.mean(axis=1).sort_values().index if row not in (*OUTLIER, *AS_RUN)]
    reference = str(seconds.loc[[row for row in OUTLIER if row in seconds.index]].mean(axis=1).idxmax())
    figures = [told(str(row), ratio(seconds, row, reference), times) for row in rows]
    return Finding(f"time over that of {reference}, gradients counted: {'; '.join(figures)}", _judged(frame, 1.0))


@claim(
    "paper-runtime",
    "its code: only the detector's fit and prediction are timed, and of the baselines the inverse product",
    "the gradients of all rows, one backward pass for each, are in no figure of Table 6",
)
def the_gradients_are_left_out_of_the_times(run: Run) -> Finding:
    """Confound: the times leave out the gradients, which every method needs."""
    frame = costs(run)
    share = table(frame.assign(share=frame["gradients_seconds"] / frame["seconds"]), "share")
    rows = [row for row in (*OUTLIER, "outlier-gradient-paper", TRACING) if row in share.index]
    figures = [told(row, mean_interval(share.loc[row]), percent) for row in rows]
    least = min(mean_interval(share.loc[row])[1] for row in rows if row in OUTLIER)
    return Finding(
        f"share of the time that is passes for gradients: {'; '.join(figures)}",
        "Confirmed: most of what outlier gradients take is left out, whatever the detector."
        if least > 0.5
        else "Confirmed in part: how much is left out depends on the detector.",
    )


def growing(frame: pd.DataFrame, size: str) -> pd.DataFrame:
    """The cells in which rows `n` or parameters `p` grow while the other stays the same."""
    other = {"n": "p", "p": "n"}[size]
    return frame[frame[other] == frame.groupby(other)[size].nunique().idxmax()]


def exponents(frame: pd.DataFrame, size: str) -> dict[str, Interval]:
    """The power of n or p that each row's time grows with, over all seeds."""
    parts = growing(frame, size).groupby("method", sort=False)
    return {str(row): power_of(part[size], part["seconds"]) for row, part in parts}


def power(value: float) -> str:
    """An exponent."""
    return f"{value:.2f}"


@claim("paper-complexity", "appendix, Table 7: complexity", "O(np): linear in the rows n and the parameters p")
def outlier_gradients_cost_as_much_as_rows_times_parameters(run: Run) -> Finding:
    """The cost of outlier gradients grows with rows times parameters."""
    found = {size: exponents(costs(run), size) for size in ("n", "p")}
    figures = [f"{row}: {_both(found, row)}" for row in OUTLIER if row in found["n"]]
    highest = max(found[size][row][1] for size in found for row in OUTLIER if row in found[size])
    return Finding(
        f"exponents of the time, all layers: {'; '.join(figures)}",
        "Stands: no faster than linearly in either."
        if highest <= 1
        else "Does not stand here: some grow faster than linearly.",
    )


@claim(
    "paper-complexity",
    "appendix, Table 7: complexity",
    "gradient tracing, DataInf and LiSSA O(nvp) with v validation rows, their Self- variants O(np)",
)
def baselines_are_of_a_higher_order(run: Run) -> Finding:
    """Influence functions and gradient tracing are of a higher order than outlier gradients."""
    frame = costs(run)
    found = {size: exponents(frame, size) for size in ("n", "p")}
    rows = [row for row in found["n"] if row not in OUTLIER]
    steeper = [row for row in rows if any(found[s][row][1] > max(1.0, found[s][ONE_PASS][2]) for s in found)]
    alike = "Does not stand: against one mean gradient, as the paper itself runs them, none grows faster than linearly."
    return Finding(
        f"exponents of the time, all layers: {'; '.join(f'{row}: {_both(found, row)}' for row in rows)}",
        f"Stands for {', '.join(steeper)}, not for the others." if steeper else alike,
    )


def _both(found: dict[str, dict[str, Interval]], row: str) -> str:
    return ", ".join(told(size, found[size][row], power) for size in ("n", "p") if row in found[size])


@picture("paper-complexity")
@mpl.rc_context(PRINT)
def growth(run: Run, width: float) -> Figure:
    """Time of the scores of all layers against rows and against parameters, each with its exponent; both axes log."""
    try:
        frame = costs(run)
    except KeyError as error:
        raise InputError(f"{run.folder} has no times to draw: {error}") from error
    rows = list(frame["method"].unique())
    across = 2 if width >= PAGE else 1
    figure, panels = grid(width, 2 // across * (2.2 + 0.15 * len(rows)), 2 // across, across)
    looks = dict(zip(rows, zip(cycle(DASHES), cycle(MARKERS)), strict=False))
    for axes, (size, unit) in zip(panels, {"n": "rows n", "p": "parameters p"}.items(), strict=True):
        powers = exponents(frame, size)
        for row, part in growing(frame, size).groupby("method", sort=False):
            (dashes, marker), hue = looks[row], colour(part["family"].iloc[0])
            mean = part.groupby(size)["seconds"].mean()
            label = f"{row}  {size}^{power(powers[str(row)][0])}"
            axes.plot(mean, color=hue, linestyle=dashes, marker=marker, markersize=3, lw=1, label=label)
        axes.set(xscale="log", yscale="log", xlabel=unit, ylabel="seconds")
        sizes = sorted(growing(frame, size)[size].unique())
        axes.set_xticks(sizes, [f"{one:,}" for one in sizes])
        axes.yaxis.set_major_formatter("{x:g}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_locator(NullLocator())
        axes.grid(True)
        axes.legend(loc="upper left", bbox_to_anchor=(-0.1, -0.2), frameon=False, handlelength=4)
    return figure
