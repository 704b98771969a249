"""Table 6: the time of scores with and without the gradients.

It is CPU time, on a single thread the running time of an idle machine: other processes hardly slow it.
"""

from math import exp, log
from typing import Any

import numpy as np
import pandas as pd

from ....bench.results.records import CellRecord, ProblemRecord
from ....bench.results.run import Run
from ...style import amount
from ..claim import Evidence, Lacking, claim, confound
from ..contrast import FACTOR, Contrast
from .figures import labelled, percent
from .rows import FOREST, OUTLIER, Interval, interval, row, rows

TABLE_6 = (
    "seconds on CIFAR-10N worst: gradient tracing 0.39; outlier gradients by L1 0.74, L2 0.80, isolation forest 2.19; "
    "DataInf 4.01, Self-DataInf 5.5, LiSSA 23.26, Self-LiSSA 31.07"
)
ONE_PASS = "outlier-gradient[detector=l2]"
DATAINF, LISSA, TRACING = "datainf", "lissa", "grad-dot"
COUNTED, NOT_COUNTED = "seconds", "beyond"
TIMED = log(1.1)
OF_TIMING = (
    "Table 6 times the same work on three sets of labels, where the forest, DataInf and LiSSA vary by up to 5 %: twice "
    "as much"
)


def costs(run: Run) -> pd.DataFrame:
    """One row per finished cell: `method`, the leaderboard row without its layers; `family`; where it ran; its costs.

    Its place is the `problem` and the `seed`; its sizes are `n`, `p` and `v`. All `seconds` are CPU time, those of
    passes over the model `gradients`. `beyond` are the seconds beyond one pass for the gradients of all rows, which the
    paper's times leave out: all seconds less those of the pass of the L2 norm, and at least those that are no pass.

    Raises:
        Lacking: if no cell ended well, an old version ran them, or the run has no row of the L2 norm.
    """
    cells = [_costs_of(record, run.problem(record.problem)) for record in run.cells() if record.cost is not None]
    if not cells:
        raise Lacking("finished cells")
    frame = pd.DataFrame(cells).set_index("method")
    one_pass = rows(frame, [ONE_PASS]).set_index("slug")["gradients"]
    left = frame["seconds"] - one_pass.reindex(frame["slug"]).to_numpy()
    return frame.assign(beyond=np.maximum(frame["score"], left)).reset_index()


def _costs_of(record: CellRecord, problem: ProblemRecord) -> dict[str, Any]:
    cost = record.cost
    if cost is None or not cost.phase_cpu_seconds:
        raise Lacking("CPU time of each phase")
    return {
        "method": _without_layers(record),
        "family": record.family,
        "slug": record.problem,
        "problem": problem.spec.label,
        "seed": problem.spec.seed,
        "n": problem.n_train,
        "p": problem.parameters,
        "v": problem.card["rows"]["valid"],
        "seconds": cost.cpu_seconds,
        "gradients": cost.phase_cpu_seconds.get("gradients", 0.0),
        "score": cost.phase_cpu_seconds.get("score", 0.0),
        "epochs": cost.epochs,
        "peak_bytes": cost.peak_bytes,
    }


def _without_layers(record: CellRecord) -> str:
    """The leaderboard row without its layers, which all rows of a suite share."""
    if "layers" not in record.hyperparameters:
        return record.method
    others = [f"{key}={value}" for key, value in sorted(record.hyperparameters.items()) if key != "layers"]
    return f"{record.name}[{','.join(others)}]" if others else record.name


def table(frame: pd.DataFrame, figure: str) -> pd.DataFrame:
    """A figure of `costs`, row × (problem, seed); only rows all of whose cells ended well, the lowest mean first."""
    wide = frame.pivot(index="method", columns=["problem", "seed"], values=figure).dropna()
    return wide.loc[wide.mean(axis=1).sort_values().index]


def over_forest(frame: pd.DataFrame, figure: str, name: str) -> Evidence:
    """A row's cost divided by that of the forest, as a logarithm, and the same of all rows, geometric means."""
    wide = table(frame, figure)
    logarithms = (wide / row(wide, FOREST)).map(log)
    ratios = [labelled(str(other), _factors(interval(by_seed)), times) for other, by_seed in logarithms.iterrows()]
    return Evidence(row(logarithms, name), f"time over that of {FOREST}: {'; '.join(ratios)}")


def _factors(logarithms: Interval) -> Interval:
    middle, low, high = map(exp, logarithms)
    return middle, low, high


def times(value: float) -> str:
    """A ratio."""
    return f"{amount(value)}×"


def _longer(baseline: str, counted: str, margin: float, because: str, least: float = 0.0) -> Contrast:
    return Contrast(
        f"the time of {baseline}",
        "that of outlier gradients by the isolation forest",
        f"CPU time of the scores, {counted}",
        "seed",
        margin,
        because,
        least,
        unit=FACTOR,
    )


def _ten_times(baseline: str, counted: str) -> Contrast:
    return _longer(baseline, counted, log(10), "orders of magnitude are at least a factor of ten", log(10))


def _any_longer(baseline: str, counted: str) -> Contrast:
    return _longer(baseline, counted, TIMED, OF_TIMING)


@claim("paper-runtime", "section 5, Table 6: running time", TABLE_6, _ten_times("DataInf", "gradients counted"))
def outlier_gradients_are_orders_of_magnitude_faster_than_datainf(run: Run) -> Evidence:
    """Outlier gradients are orders of magnitude faster than DataInf, gradients counted."""
    frame = costs(run)
    means = {figure: table(frame, figure).mean(axis=1).to_dict() for figure in ("epochs", "beyond", "peak_bytes")}
    figures = [
        f"{labelled(str(name), interval(seconds), amount)} s ({amount(means['epochs'][name])} epochs; "
        f"{amount(means['beyond'][name])} s without the gradients; {amount(means['peak_bytes'][name] / 1e6)} MB)"
        for name, seconds in table(frame, "seconds").iterrows()
    ]
    return Evidence(over_forest(frame, COUNTED, DATAINF).differences, "; ".join(figures))


@claim("paper-runtime", "section 5, Table 6: running time", TABLE_6, _ten_times("DataInf", "gradients not counted"))
def outlier_gradients_are_orders_of_magnitude_faster_than_datainf_without_gradients(run: Run) -> Evidence:
    """Outlier gradients are orders of magnitude faster than DataInf, gradients not counted, as in the paper."""
    return over_forest(costs(run), NOT_COUNTED, DATAINF)


@claim("paper-runtime", "section 5, Table 6: running time", TABLE_6, _ten_times("LiSSA", "gradients counted"))
def outlier_gradients_are_orders_of_magnitude_faster_than_lissa(run: Run) -> Evidence:
    """Outlier gradients are orders of magnitude faster than LiSSA, gradients counted."""
    return over_forest(costs(run), COUNTED, LISSA)


@claim("paper-runtime", "section 5, Table 6: running time", TABLE_6, _ten_times("LiSSA", "gradients not counted"))
def outlier_gradients_are_orders_of_magnitude_faster_than_lissa_without_gradients(run: Run) -> Evidence:
    """Outlier gradients are orders of magnitude faster than LiSSA, gradients not counted, as in the paper."""
    return over_forest(costs(run), NOT_COUNTED, LISSA)


@claim("paper-runtime", "section 5, on Table 6", TABLE_6, _any_longer("DataInf", "gradients counted"))
def only_gradient_tracing_is_faster(run: Run) -> Evidence:
    """Only gradient tracing is faster: DataInf, the next in Table 6, takes longer, gradients counted."""
    return over_forest(costs(run), COUNTED, DATAINF)


@claim("paper-runtime", "section 5, on Table 6", TABLE_6, _any_longer("DataInf", "gradients not counted"))
def only_gradient_tracing_is_faster_without_gradients(run: Run) -> Evidence:
    """Only gradient tracing is faster: DataInf, the next in Table 6, takes longer, gradients not counted, as there."""
    return over_forest(costs(run), NOT_COUNTED, DATAINF)


@confound(
    "paper-runtime",
    "its code: only the detector's fit and prediction are timed, and of the baselines the inverse product",
    "the gradients of all rows, one backward pass for each, are in no figure of Table 6",
    Contrast(
        "the share of the forest's time that is passes for gradients",
        "one half",
        "share of the CPU time",
        "seed",
        margin=0.1,
        because="Table 6 would have to be doubled at one half, and by 1.7 to 2.5 within the margin",
    ),
)
def the_gradients_are_left_out_of_the_times(run: Run) -> Evidence:
    """The times leave out the gradients, which are most of the time."""
    frame = costs(run)
    share = table(frame.assign(share=frame["gradients"] / frame["seconds"]), "share")
    names = [name for name in (*OUTLIER, "outlier-gradient-paper", TRACING) if name in share.index]
    figures = [labelled(name, interval(row(share, name)), percent) for name in names]
    return Evidence(row(share, FOREST) - 0.5, f"share of the time that is passes for gradients: {'; '.join(figures)}")
