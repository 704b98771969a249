"""Section 7: which training prompts an answer comes from."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ....bench.results.run import Run
from ...drawing import PAGE, grid
from ...statistics.tables import by_problem
from ...style import PRINT, share
from ..claim import Evidence, Lacking, claim, confound, picture
from ..contrast import AUC, Contrast
from .figures import auc_list
from .rows import aucs, problems_of, row, rows

THEIRS, OURS = "pairwise-outlier-gradient-paper[layers=lora]", "pairwise-outlier-gradient[layers=lora]"
TRACING, DATAINF, COSINE = (f"pairwise-{name}[layers=lora]" for name in ("dot", "datainf", "cosine"))
ALONE = (TRACING, DATAINF, COSINE, "pairwise-tracin[layers=lora]")
GIVEN_CLASSES = {
    f"pairwise-{name}[layers=lora,pooled=groups]": alone
    for name, alone in (("dot", TRACING), ("datainf", DATAINF), ("cosine", COSINE))
}
"""Rows that are given the classes of the prompts, with the same row that is not."""
GIVEN = "pairwise-datainf[layers=lora,pooled=groups]"
MAPPED = {
    TRACING: "dot",
    DATAINF: "datainf",
    COSINE: "cosine",
    OURS: "outlier-gradient",
    THEIRS: "outlier-gradient-paper",
}
"""The rows of the heat maps, with their names there."""
MATHS = ("math-without-reasoning", "math-with-reasoning")
ON_MATHS = f"{AUC} on mathematics"
PAIRS = "task and seed"
IDENTIFIED = 0.02
HALF_THE_GAP = 0.14
SCALE = (
    "A tiny language model, trained for three epochs, a number that was chosen by looking at such figures: up to ten "
    "epochs the loss on the test prompts goes on falling, and the AUCs fall toward chance"
)


def _contrast(first: str, second: str, least: float = 0.0, figure: str = AUC) -> Contrast:
    """A contrast of AUCs."""
    return Contrast(
        first,
        second,
        figure,
        PAIRS,
        margin=IDENTIFIED,
        because="about a tenth of the 0.185 by which outlier gradients lead gradient tracing, on average over Table 3",
        least=least,
        unit=AUC,
    )


@claim(
    "paper-generation",
    "section 7, Table 3: AUC / recall",
    "Gradient Tracing 0.999 / 0.982, 0.724 / 0.241, 0.722 / 0.226 (sentence transformations, mathematics without and "
    "with reasoning); DataInf 1.000 / 0.996, 0.999 / 0.993, 0.999 / 0.990; outlier gradients 1.000 / 1.000 on all; "
    "Llama-2-13B, 25 epochs, the loss of the prompts alone",
    _contrast("outlier gradients by the paper's protocol", "DataInf"),
)
def outlier_gradients_tell_where_answers_come_from(run: Run) -> Evidence:
    """Outlier gradients identify the training prompts behind an answer better than influence does."""
    auc, recall = aucs(run), aucs(run, "recall_at_k")
    names = (THEIRS, *(name for name in ALONE if name in auc.index))
    return Evidence(
        row(auc, THEIRS) - row(auc, DATAINF),
        f"AUC: {_by_dataset(run, auc, names)}. Recall: {_by_dataset(run, recall, names)}. {SCALE}",
    )


@claim(
    "paper-generation",
    "section 7: outlier gradients without the classes",
    "not run",
    _contrast("outlier gradients by forests of clusters", "DataInf", least=-IDENTIFIED),
)
def forests_of_clusters_do_without_the_classes(run: Run) -> Evidence:
    """Outlier gradients need no classes: forests of the clusters that the gradients form do as well as DataInf."""
    table = aucs(run)
    names = [name for name in (OURS, *ALONE, "pairwise-random") if name in table.index]
    return Evidence(row(table, OURS) - row(table, DATAINF), f"AUC: {auc_list(table, names)}")


@claim(
    "paper-generation",
    "section 7, Table 3, and DataInf's paper, Table 2: mathematics",
    "Gradient Tracing 0.724 and 0.722, in DataInf's paper 0.770 and 0.772; DataInf 0.999 and 0.999, there 1.000 and "
    "1.000",
    Contrast(
        "DataInf",
        "Gradient Tracing",
        ON_MATHS,
        PAIRS,
        margin=HALF_THE_GAP,
        because="half of the gap of 0.28 in Table 3",
        least=HALF_THE_GAP,
        unit=AUC,
    ),
)
def datainf_identifies_mathematics(run: Run) -> Evidence:
    """DataInf identifies the prompts behind answers to mathematics, gradient tracing does not."""
    maths = _maths(run)
    return Evidence(
        row(maths, DATAINF) - row(maths, TRACING), f"AUC: {_by_dataset(run, maths, (DATAINF, TRACING, COSINE))}"
    )


@claim(
    "paper-generation",
    "DataInf's paper, Table 2: mathematics",
    "DataInf 1.000 and 1.000, gradient tracing, its method without curvature, 0.770 and 0.772; no cosine",
    _contrast(
        "DataInf",
        "the cosine, which lacks the curvature too, but removes the lengths of the gradients",
        figure=ON_MATHS,
    ),
)
def the_inverse_curvature_is_what_tracing_lacks(run: Run) -> Evidence:
    """It is the inverse curvature that gradient tracing lacks on mathematics."""
    maths = _maths(run)
    return Evidence(
        row(maths, DATAINF) - row(maths, COSINE), f"AUC on mathematics: {auc_list(maths, (DATAINF, COSINE, TRACING))}"
    )


@confound(
    "paper-generation",
    "its code: ten forests, one on the training gradients of each true class; a test prompt's score under a forest is "
    "given to all training prompts of its class",
    "the metric asks for the training prompts of the test prompt's class; the baselines are not given the classes",
    _contrast("DataInf with the classes, its influence averaged over each", "DataInf without them"),
)
def the_classes_that_are_asked_for_are_given(run: Run) -> Evidence:
    """Outlier gradients are given the classes of the prompts, which the metric asks for and which lift DataInf too."""
    table = aucs(run)
    names = [name for pair in GIVEN_CLASSES.items() for name in pair if name in table.index]
    return Evidence(row(table, GIVEN) - row(table, DATAINF), f"AUC: {auc_list(table, names)}")


@confound(
    "paper-generation",
    "its code: as above",
    "outlier gradients are given the classes, DataInf is not",
    _contrast(
        "DataInf with the classes, its influence averaged over each",
        "outlier gradients by the paper's protocol",
        least=-IDENTIFIED,
    ),
)
def given_the_classes_datainf_does_as_well(run: Run) -> Evidence:
    """Given the same classes, DataInf identifies the training prompts as well as outlier gradients."""
    table = aucs(run)
    return Evidence(row(table, GIVEN) - row(table, THEIRS), f"AUC: {_by_dataset(run, table, (GIVEN, THEIRS))}")


@picture("paper-generation")
@mpl.rc_context(PRINT)
def heat_maps(run: Run, width: float) -> Figure:
    """The influence of each class of training prompts on each class of test prompts, by method; seed 0. The unit is the
    standard deviation over the training prompts of a test prompt; the influences that the metric asks for lie on the
    diagonal.
    """
    scores = {slug: scores for slug, scores in run.scores_by_problem().items() if run.problem(slug).spec.seed == 0}
    names = [name for name in MAPPED if scores and all(name in by_row for by_row in scores.values())]
    if not names:
        raise Lacking("finished cells to map")
    maps = {
        run.problem(slug).spec.dataset: {name: class_means(by_row[name], run.truth(slug)) for name in names}
        for slug, by_row in scores.items()
    }
    wide = width >= PAGE
    panels = [(name, data) for data in maps for name in names] if wide else [(n, d) for n in names for d in maps]
    across = len(names) if wide else len(maps)
    down = len(panels) // across
    height = down * (0.93 * width / across + 0.1) + 0.9
    figure, every = grid(width, height, down, across)
    figure.set_layout_engine("constrained", rect=(0, 0, 1, 1 - 0.2 / height))  # else the titles are cut
    most = max(float(np.abs(means).max()) for by_row in maps.values() for means in by_row.values())
    for place, (axes, (name, dataset)) in enumerate(zip(every, panels, strict=True)):
        drawn = axes.imshow(maps[dataset][name], cmap="PuOr", vmin=-most, vmax=most)
        axes.set(xticks=[], yticks=[])
        top, side = (MAPPED[name], dataset) if wide else (dataset, MAPPED[name])
        if place < across:
            axes.set_title(top if wide else top.replace("-", "\n", 1))
        if place % across == 0:
            axes.set_ylabel(side.replace("-", "\n", 1))
    bar = figure.colorbar(drawn, ax=every, location="bottom", fraction=0.03, aspect=40)
    bar.set_label("mean influence of a class of training prompts (down)\non a class of test prompts (across)")
    return figure


def class_means(influence: NDArray[np.float64], same: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean influence (classes, classes) of training on test rows, standardised for each test row.

    Args:
        influence: (n_train, n_test).
        same: whether each training row (n_train, n_test) is of the class of each test row.
    """
    deviation = influence.std(0)
    standard = (influence - influence.mean(0)) / np.where(deviation > 0, deviation, 1)
    kinds, of_test = np.unique(same, axis=1, return_inverse=True)
    by_train = kinds.T @ standard / kinds.sum(0)[:, None]
    one_hot = np.eye(kinds.shape[1])[of_test.ravel()]
    means: NDArray[np.float64] = by_train @ one_hot / one_hot.sum(0)
    return means


def _maths(run: Run) -> pd.DataFrame:
    """The AUCs on mathematics, row × (problem, seed)."""
    table = aucs(run)
    return table.loc[:, table.columns.get_level_values("problem").isin(problems_of(run, *MATHS))]


def _by_dataset(run: Run, table: pd.DataFrame, names: Sequence[str]) -> str:
    """The means of some rows on each dataset."""
    frame = run.frame()
    datasets = dict(zip(frame["problem"], frame["dataset"], strict=True))
    return "; ".join(
        f"{datasets[problem]}: {', '.join(f'{name} {share(mean)}' for name, mean in means.items())}"
        for problem, means in by_problem(rows(table, names)).items()
    )
