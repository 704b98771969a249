"""Section 7: which training prompts an answer comes from."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ....bench.results.run import Run
from ...drawing import PAGE, grid
from ...statistics.estimates import mean_interval
from ...statistics.tables import by_problem
from ...style import PRINT, share
from ..claim import Finding, Lacking, claim, confound, picture
from .figures import auc_list, signed, verdict
from .rows import aucs, best, problems_of, row

THEIRS, OURS = "pairwise-outlier-gradient-paper[layers=lora]", "pairwise-outlier-gradient[layers=lora]"
TRACING, DATAINF, COSINE = (f"pairwise-{name}[layers=lora]" for name in ("dot", "datainf", "cosine"))
ALONE = (TRACING, DATAINF, COSINE, "pairwise-tracin[layers=lora]")
GIVEN_CLASSES = {
    f"pairwise-{name}[layers=lora,pooled=groups]": alone
    for name, alone in (("dot", TRACING), ("datainf", DATAINF), ("cosine", COSINE))
}
"""Rows that are given the classes of the prompts, with the same row that is not."""
MAPPED = {
    TRACING: "dot",
    DATAINF: "datainf",
    COSINE: "cosine",
    OURS: "outlier-gradient",
    THEIRS: "outlier-gradient-paper",
}
"""The rows of the heat maps, with their names there."""
MATHS = ("math-without-reasoning", "math-with-reasoning")
SCALE = (
    "A tiny language model, trained for three epochs, a number that was chosen by looking at such figures: up to ten "
    "epochs the loss on the test prompts goes on falling, and the AUCs fall toward chance"
)


@claim(
    "paper-generation",
    "section 7, Table 3: AUC / recall",
    "Gradient Tracing 0.999 / 0.982, 0.724 / 0.241, 0.722 / 0.226 (sentence transformations, mathematics without and "
    "with reasoning); DataInf 1.000 / 0.996, 0.999 / 0.993, 0.999 / 0.990; outlier gradients 1.000 / 1.000 on all; "
    "Llama-2-13B, 25 epochs, the loss of the prompts alone",
)
def outlier_gradients_tell_where_answers_come_from(run: Run) -> Finding:
    """Outlier gradients identify the training prompts behind an answer better than influence does."""
    auc, recall = aucs(run), aucs(run, "recall_at_k")
    figures = [
        f"{dataset}: "
        + ", ".join(f"{name} {_mean(auc, name, problem)} / {_mean(recall, name, problem)}" for name in (THEIRS, *ALONE))
        for problem, dataset in _datasets(run, auc).items()
    ]
    other = best(auc, ALONE)
    difference = mean_interval(auc.loc[THEIRS] - auc.loc[other])
    return Finding(
        f"{'; '.join(figures)}. {SCALE}",
        verdict(
            difference,
            f"Stands as the paper compares: by its protocol outlier gradients are {difference[0]:.3f} of AUC above "
            f"{other}. The next claim is about what the protocol is given.",
            f"Does not stand: {other} is {-difference[0]:.3f} of AUC above the paper's protocol.",
            f"Does not stand: the paper's protocol cannot be distinguished from {other}.",
        ),
    )


@confound(
    "paper-generation",
    "its code: ten forests, one on the training gradients of each true class; a test prompt's score under a forest is "
    "given to all training prompts of its class",
    "the metric asks for the training prompts of the test prompt's class; the baselines are not given the classes",
)
def the_classes_that_are_asked_for_are_given(run: Run) -> Finding:
    """Outlier gradients are given the classes of the training prompts, which the metric asks for."""
    table = aucs(run)
    other = best(table, GIVEN_CLASSES)
    theirs, without = row(table, THEIRS), GIVEN_CLASSES[other]
    difference = mean_interval(theirs - table.loc[other])
    worth = mean_interval(table.loc[other] - row(table, without))
    means = by_problem(table)
    gaps = (means.loc[THEIRS] - means.loc[other]).to_dict()
    by_dataset = ", ".join(f"{dataset} {gaps[problem]:+.3f}" for problem, dataset in _datasets(run, means).items())
    return Finding(
        f"AUC of rows that are given the classes: {auc_list(table, (THEIRS, *GIVEN_CLASSES))}; of rows that are not: "
        f"{auc_list(table, (OURS, TRACING, DATAINF, COSINE))}. The classes are worth {signed(worth)} to {without}. "
        f"The paper's protocol over {other}: {by_dataset}",
        verdict(
            difference,
            f"Not the whole of it: given the same, the best baseline, {other}, stays {difference[0]:.3f} of AUC below.",
            f"Confirmed: given the same, {other} is {-difference[0]:.3f} of AUC above the paper's protocol.",
            f"Confirmed: given the same, {other} cannot be distinguished from the paper's protocol.",
        ),
    )


@claim(
    "paper-generation",
    "section 7: outlier gradients without the classes",
    "not run",
)
def forests_of_clusters_do_without_the_classes(run: Run) -> Finding:
    """Outlier gradients need no classes: forests of the clusters that the gradients form do as well."""
    table = aucs(run)
    other = best(table, ALONE)
    difference = mean_interval(row(table, OURS) - table.loc[other])
    return Finding(
        f"AUC: {auc_list(table, (OURS, *ALONE, 'pairwise-random'))}",
        verdict(
            difference,
            f"Stands: without the classes, outlier gradients are {difference[0]:.3f} of AUC above {other}.",
            f"Does not stand: without the classes, {other} is {-difference[0]:.3f} of AUC above outlier gradients.",
            f"Undecided: without the classes, outlier gradients are level with {other}.",
        ),
    )


@claim(
    "paper-generation",
    "section 7, Table 3, and DataInf's paper, Table 2: mathematics",
    "Gradient Tracing 0.724 and 0.722, in DataInf's paper 0.770 and 0.772; DataInf 0.999 and 0.999, there 1.000 and "
    "1.000",
)
def the_inverse_curvature_is_what_tracing_lacks(run: Run) -> Finding:
    """DataInf identifies the prompts behind answers to mathematics, gradient tracing does not."""
    table = aucs(run)
    maths = table.loc[:, table.columns.get_level_values("problem").isin(problems_of(run, *MATHS))]
    datainf = row(maths, DATAINF)
    difference = mean_interval(datainf - row(maths, TRACING))
    cosine = mean_interval(row(maths, COSINE) - datainf)
    return Finding(
        f"AUC on mathematics: {auc_list(maths, (DATAINF, TRACING, COSINE))}. The cosine, which removes no curvature "
        f"but the lengths of the gradients, over DataInf: {signed(cosine)}",
        verdict(
            difference,
            f"Stands: DataInf is {difference[0]:.3f} of AUC above gradient tracing.",
            f"Does not stand: gradient tracing is {-difference[0]:.3f} of AUC above DataInf.",
        ),
    )


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


def _datasets(run: Run, table: pd.DataFrame) -> dict[str, str]:
    """The dataset of each problem of a table, in the order of its columns."""
    frame = run.frame()
    datasets = dict(zip(frame["problem"], frame["dataset"], strict=True))
    return {problem: datasets[problem] for problem in table.columns.unique("problem")}


def _mean(table: pd.DataFrame, name: str, problem: str) -> str:
    return share(float(row(by_problem(table), name)[problem]))
