"""Tables 6 and 7: the cost of scores with and without the gradients, and its growth."""

from itertools import cycle

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from ....bench.results.records import CellRecord
from ....bench.results.run import Run
from ...drawing import PAGE, grid
from ...statistics.estimates import mean_interval, power_of
from ...style import PRINT, amount, colour
from ..claim import Finding, Lacking, claim, confound, picture
from .figures import labelled, percent
from .rows import OUTLIER, Interval, rows

TABLE_6 = (
    "seconds on CIFAR-10N worst: gradient tracing 0.39; outlier gradients by L1 0.74, L2 0.80, isolation forest 2.19; "
    "DataInf 4.01, Self-DataInf 5.5, LiSSA 23.26, Self-LiSSA 31.07"
)
TRACING = "grad-dot"
ONE_PASS = "outlier-gradient[detector=l2]"
AS_RUN = ("datainf-self-paper", "lissa-self-paper", "outlier-gradient-paper")  # the paper's code, not its baselines
DASHES, MARKERS = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (2, 2))), "osD^vXPp*"


def costs(run: Run) -> pd.DataFrame:
    """One row per finished cell: `method`, the leaderboard row without its layers; `family`, n, p, `seed`; its costs.

    `beyond` are the seconds beyond one pass for the gradients of all rows, which the paper's times leave out: all
    seconds less those of the pass of the L2 norm, and at least the seconds that are no pass over the model.

    Raises:
        Lacking: if no cell ended well, or the run has no row of the L2 norm.
    """
    cells = []
    for record in run.cells():
        if record.cost is not None:
            problem = run.problem(record.problem)
            place = {"n": problem.n_train, "p": problem.parameters, "seed": problem.spec.seed}
            cells.append({"method": _without_layers(record), "family": record.family} | place | vars(record.cost))
    if not cells:
        raise Lacking("finished cells")
    frame = pd.DataFrame(cells).set_index("method")
    one_pass = rows(frame, [ONE_PASS]).set_index(["n", "p", "seed"])["gradients_seconds"]
    places = pd.MultiIndex.from_frame(frame[["n", "p", "seed"]])
    left = frame["seconds"] - one_pass.reindex(places).to_numpy()
    return frame.assign(beyond=np.maximum(frame["score_seconds"], left)).reset_index()


def _without_layers(record: CellRecord) -> str:
    """The leaderboard row without its layers, which all rows of a suite share."""
    if "layers" not in record.hyperparameters:
        return record.method
    others = [f"{key}={value}" for key, value in sorted(record.hyperparameters.items()) if key != "layers"]
    return f"{record.name}[{','.join(others)}]" if others else record.name


def table(frame: pd.DataFrame, figure: str) -> pd.DataFrame:
    """A figure of `costs`, row × seed."""
    return frame.pivot(index="method", columns="seed", values=figure)


def ratio(wide: pd.DataFrame, name: str, reference: str) -> Interval:
    """A row's cost divided by that of a reference, a geometric mean over seeds."""
    middle, low, high = np.exp(mean_interval(np.log(wide.loc[name] / wide.loc[reference])))
    return float(middle), float(low), float(high)


def nearest(wide: pd.DataFrame) -> tuple[str, str, Interval]:
    """The fastest baseline other than tracing, the slowest outlier gradient, and their ratio.

    Raises:
        Lacking: if there is no such baseline.
    """
    mean = wide.mean(axis=1)
    others = [name for name in mean.index if name not in (*OUTLIER, *AS_RUN, TRACING)]
    if not others:
        raise Lacking("baseline besides tracing")
    slowest = str(mean[[name for name in OUTLIER if name in mean.index]].idxmax())
    fastest = str(mean[others].idxmin())
    return fastest, slowest, ratio(wide, fastest, slowest)


def times(value: float) -> str:
    """A ratio."""
    return f"{amount(value)}×"


def _verdict(frame: pd.DataFrame, factor: float) -> str:
    """Whether every baseline takes more than `factor` times as long as outlier gradients, in full and the paper's way.

    Without the gradients some scores take next to no time, and their ratios carry little information; they are given
    nevertheless.
    """
    sentences = []
    for figure, name in (("seconds", "Gradients counted"), ("beyond", "Gradients not counted, as in the paper")):
        fastest, slowest, interval = nearest(table(frame, figure))
        stands = interval[1] > factor
        falls = not stands and interval[2] < factor
        word = "it stands" if stands else "it does not stand" if falls else "it is undecided"
        sentences.append(f"{name}, {word}: {labelled(fastest, interval, times)} the time of {slowest}.")
    return " ".join(sentences)


@claim("paper-runtime", "section 5, Table 6: running time", TABLE_6)
def outlier_gradients_are_orders_of_magnitude_faster(run: Run) -> Finding:
    """Outlier gradients are orders of magnitude faster than the other baselines."""
    frame = costs(run)
    wide = {figure: table(frame, figure) for figure in ("seconds", "epochs", "beyond", "peak_bytes")}
    means = {figure: by_seed.mean(axis=1).to_dict() for figure, by_seed in wide.items()}
    order = map(str, wide["seconds"].mean(axis=1).sort_values().index)
    figures = [
        f"{labelled(name, mean_interval(wide['seconds'].loc[name]), amount)} s"
        f" ({amount(means['epochs'][name])} epochs; {amount(means['beyond'][name])} s without the gradients;"
        f" {amount(means['peak_bytes'][name] / 1e6)} MB)"
        for name in order
    ]
    return Finding("; ".join(figures), _verdict(frame, 10.0))


@claim("paper-runtime", "section 5, on Table 6", TABLE_6)
def only_gradient_tracing_is_faster(run: Run) -> Finding:
    """Only gradient tracing is faster."""
    frame = costs(run)
    seconds = table(frame, "seconds")
    order = map(str, seconds.mean(axis=1).sort_values().index)
    reference = str(seconds.loc[[name for name in OUTLIER if name in seconds.index]].mean(axis=1).idxmax())
    figures = [
        labelled(name, ratio(seconds, name, reference), times) for name in order if name not in (*OUTLIER, *AS_RUN)
    ]
    return Finding(f"time over that of {reference}, gradients counted: {'; '.join(figures)}", _verdict(frame, 1.0))


@confound(
    "paper-runtime",
    "its code: only the detector's fit and prediction are timed, and of the baselines the inverse product",
    "the gradients of all rows, one backward pass for each, are in no figure of Table 6",
)
def the_gradients_are_left_out_of_the_times(run: Run) -> Finding:
    """The times leave out the gradients, which every method needs."""
    frame = costs(run)
    share = table(frame.assign(share=frame["gradients_seconds"] / frame["seconds"]), "share")
    names = [name for name in (*OUTLIER, "outlier-gradient-paper", TRACING) if name in share.index]
    figures = [labelled(name, mean_interval(share.loc[name]), percent) for name in names]
    least = min(mean_interval(share.loc[name])[1] for name in names if name in OUTLIER)
    return Finding(
        f"share of the time that is passes for gradients: {'; '.join(figures)}",
        "Confirmed: most of what outlier gradients take is left out, whatever the detector."
        if least > 0.5
        else "Confirmed in part: how much is left out depends on the detector.",
    )


def growing(frame: pd.DataFrame, size: str) -> pd.DataFrame:
    """The cells in which rows `n` or parameters `p` grow while the other stays the same, of methods with several sizes.

    Raises:
        Lacking: if the row of the L2 norm has a single size.
    """
    other = {"n": "p", "p": "n"}[size]
    cells = frame[frame[other] == frame.groupby(other)[size].nunique().idxmax()]
    cells = cells[cells.groupby("method")[size].transform("nunique") > 1]
    if ONE_PASS not in set(cells["method"]):
        raise Lacking(f"{ONE_PASS} at several sizes {size}")
    return cells


def exponents(frame: pd.DataFrame, size: str) -> dict[str, Interval]:
    """The exponent of each row's time in n or p, over all seeds."""
    parts = growing(frame, size).groupby("method", sort=False)
    return {str(name): power_of(part[size], part["seconds"]) for name, part in parts}


def power(value: float) -> str:
    """An exponent."""
    return f"{value:.2f}"


@claim("paper-complexity", "appendix, Table 7: complexity", "O(np): linear in the rows n and the parameters p")
def outlier_gradients_cost_as_much_as_rows_times_parameters(run: Run) -> Finding:
    """The cost of outlier gradients grows with rows times parameters."""
    frame = costs(run)
    powers = {size: exponents(frame, size) for size in ("n", "p")}
    figures = [f"{name}: {_both(powers, name)}" for name in OUTLIER if name in powers["n"]]
    highest = max(powers[size][name][1] for size in powers for name in OUTLIER if name in powers[size])
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
    powers = {size: exponents(frame, size) for size in ("n", "p")}
    others = [name for name in powers["n"] if name not in OUTLIER]
    linear = {size: max(1.0, powers[size][ONE_PASS][2]) for size in powers}
    steeper = [name for name in others if any(powers[s][name][1] > linear[s] for s in powers if name in powers[s])]
    alike = "Does not stand: against one mean gradient, as the paper itself runs them, none grows faster than linearly."
    return Finding(
        f"exponents of the time, all layers: {'; '.join(f'{name}: {_both(powers, name)}' for name in others)}",
        f"Stands for {', '.join(steeper)}, not for the others." if steeper else alike,
    )


def _both(powers: dict[str, dict[str, Interval]], name: str) -> str:
    return ", ".join(labelled(size, powers[size][name], power) for size in ("n", "p") if name in powers[size])


@picture("paper-complexity")
@mpl.rc_context(PRINT)
def growth(run: Run, width: float) -> Figure:
    """Time of the scores of all layers against rows and against parameters, on logarithmic axes; the legend gives each
    exponent."""
    frame = costs(run)
    names = list(frame["method"].unique())
    across = 2 if width >= PAGE else 1
    figure, panels = grid(width, 2 // across * (2.2 + 0.15 * len(names)), 2 // across, across)
    looks = dict(zip(names, zip(cycle(DASHES), cycle(MARKERS)), strict=False))
    for axes, (size, unit) in zip(panels, {"n": "rows n", "p": "parameters p"}.items(), strict=True):
        powers = exponents(frame, size)
        for name, part in growing(frame, size).groupby("method", sort=False):
            (dashes, marker), hue = looks[name], colour(part["family"].iloc[0])
            mean = part.groupby(size)["seconds"].mean()
            label = f"{name}  {size}^{power(powers[str(name)][0])}"
            axes.plot(mean, color=hue, linestyle=dashes, marker=marker, markersize=3, lw=1, label=label)
        axes.set(xscale="log", yscale="log", xlabel=unit, ylabel="seconds")
        sizes = sorted(growing(frame, size)[size].unique())
        axes.set_xticks(sizes, [f"{count:,}" for count in sizes])
        axes.yaxis.set_major_formatter("{x:g}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_locator(NullLocator())
        axes.grid(True)
        axes.legend(loc="upper left", bbox_to_anchor=(-0.1, -0.2), frameon=False, handlelength=4)
    return figure
