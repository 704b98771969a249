"""An audit: which way of ranking finds planted errors best in a person's data, and which rows it suspects."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import sem, t, ttest_rel

from ...datasets.splitting import split
from ..problem.problem import Problem
from ..progress import Progress, progress
from ..registry.score import score
from ..results.audit import Audit, Contender, Depth, Estimate, Planted
from .contenders import contenders, given_method
from .count import Sample, wrong
from .evidence import Evidence
from .inputs import own_rows
from .own_rows import OwnRows
from .planting import SHARE, confusions, drawn, ranked, scored
from .ranking import SHOWN, matrix, ranked_rows, suggestions, suspects

Floats = NDArray[np.float64]
MOST_ROWS, MOST_IMAGES = 5000, 2500
DRAWS, DRAWS_OF_IMAGES = 5, 3
"""Each draw of images takes a training of its own, so there are fewer, of fewer rows."""


@dataclass(frozen=True)
class Choice:
    """How to rank the rows.

    Attributes:
        evidence: what the labels are judged by.
        method: that scores it.
        reason: in a sentence.
        planted: what was planted; None if nothing was.
        wrong: how many labels are wrong; None if nothing was planted.
        depths: the share of wrong labels among the first rows.
    """

    evidence: Evidence
    method: str
    reason: str
    planted: Planted | None = None
    wrong: Estimate | None = None
    depths: tuple[Depth, ...] = ()


@dataclass(frozen=True)
class Audited:
    """The result of an audit.

    Attributes:
        record: how the rows were ranked, how many labels are wrong, and the first suspects.
        suspects: all rows, the most suspect first: `rank` from 1, `row` from 0, `file` if rows have files, `score`,
            the `given` label, the `suggested` label with its `probability`, a `reason`, and what the data hold.
    """

    record: Audit
    suspects: pd.DataFrame


def audit(
    data: Any,
    label: str = "",
    text: str = "",
    image: str = "",
    *,
    probabilities: Any = None,
    method: str = "",
    model: str = "",
    quick: bool = False,
    seed: int = 0,
) -> Audited:
    """Find the rows of your own data whose labels are probably wrong.

    Every row is scored. Wrong labels are planted in the data, and the way of ranking that finds most of them is taken.

    Args:
        data: a file of a table, a folder of images by class, an `.npz` file; a DataFrame, a `Problem`, a Hugging Face
            dataset, a torch dataset of pairs, or a pair of inputs and labels.
        label: the column of labels, or the array of labels of an `.npz` file, by default `y`.
        text: the column of texts; without it, models read all columns.
        image: the column of paths of images, relative to the file.
        probabilities: class probabilities (n, classes) by a model of your own, instead of models that are trained
            here: an array, a DataFrame or a file.
        method: a method of the registry; default: the one that finds wrong labels best that are planted in the data.
        model: the registered model that the method scores; default: a small network, trained on all rows.
        quick: whether to plant nothing and to take the first of the contenders.
        seed: of everything random.

    Raises:
        InputError: if the data cannot be read, or the method cannot score these rows.
    """
    began = perf_counter()
    rows = own_rows(data, label, text, image, probabilities)
    evidence = [given_method(rows, method, model)] if method or model else contenders(rows)
    with progress(f"Audit: {rows.name}") as shown:
        shown.stage("training on all rows", 1)
        problem = _made(evidence[0], rows, seed, shown)
        if quick:
            choice = Choice(
                evidence[0], evidence[0].methods[0], "It is the first choice for such data; nothing was planted."
            )
        else:
            choice = _tried(rows, evidence, problem, seed, shown)
        if choice.evidence is not evidence[0]:
            shown.stage("training on all rows", 1)
            problem = _made(choice.evidence, rows, seed, shown)
        scores = score([choice.method], problem)[choice.method]
    p = problem.probabilities().cpu().numpy()
    probably = int((p.argmax(1) != rows.y).sum()) if choice.wrong is None else round(choice.wrong.value)
    table = ranked_rows(rows, scores, p)
    record = Audit(
        data=rows.name,
        label=rows.label,
        kind=rows.kind,
        rows=len(rows),
        classes=rows.names,
        method=f"{choice.method} on {choice.evidence.name}",
        chosen=choice.reason,
        planted=choice.planted,
        wrong=choice.wrong,
        depths=list(choice.depths),
        matrix=matrix(rows, scores, p, probably),
        suspects=suspects(rows, scores, p, SHOWN),
        notes=rows.notes,
        seconds=perf_counter() - began,
    )
    return Audited(record, table)


def _made(evidence: Evidence, rows: OwnRows, seed: int, shown: Progress) -> Problem:
    shown.started(evidence.name)
    problem = evidence.make(rows.examples, len(rows.classes), seed)
    shown.finished(evidence.name)
    return problem


def _tried(rows: OwnRows, evidence: list[Evidence], problem: Problem, seed: int, shown: Progress) -> Choice:
    """Plant wrong labels, score them in every way, and choose the way that finds most of them."""
    of_images = rows.kind == "images"
    draws, most = (DRAWS_OF_IMAGES, MOST_IMAGES) if of_images else (DRAWS, MOST_ROWS)
    p = problem.probabilities().cpu().numpy()
    confused = confusions(p, rows.y)
    part = rows.examples
    if len(rows) > most:
        _, kept = split(np.arange(len(rows)), rows.examples.y, most, np.random.default_rng(seed))
        part, p = rows.examples[kept], p[kept]
    classes = len(rows.classes)
    shown.stage("planting wrong labels", draws * len(evidence) + 1)
    tried = drawn(evidence, part, classes, confused, draws, seed, shown)
    order = ranked(tried)
    (name, method), best = order[0]
    judged_by = next(judged_by for judged_by in evidence if judged_by.name == name)
    only = Evidence(name, judged_by.make, (method,))
    blank, _ = scored([only], part, classes, seed, shown)
    found = [_sample(draw.scores[name, method], draw.y, p, draw.is_planted) for draw in tried]
    everything = np.ones(len(part), dtype=bool)
    number, depths = wrong(_sample(blank[name, method], part.y.numpy(), p, everything), found, len(rows), seed)
    planted = Planted(SHARE, len(part), draws, [contender for _, contender in order])
    return Choice(
        judged_by, method, _why(best, [contender for _, contender in order[1:]]), planted, number, tuple(depths)
    )


def _sample(scores: Floats, y: NDArray[np.int64], p: Floats, rows: NDArray[np.bool_]) -> Sample:
    """Some rows' scores, with their pairs of given label and of the label that probabilities (n, classes) suggest."""
    return Sample(scores[rows], (y * p.shape[1] + suggestions(p, y))[rows])


def _why(best: Contender, others: Sequence[Contender]) -> str:
    """The choice in a sentence, with the interval of 95 % over the draws, and how clear it was."""
    auc = np.array(best.auc)
    low, high = t.interval(0.95, len(auc) - 1, auc.mean(), sem(auc)) if np.ptp(auc) else (auc[0], auc[0])
    figure = f"ROC-AUC {auc.mean():.3f} [{low:.3f}, {min(1.0, high):.3f}] on average over {len(auc)} draws"
    if not others:
        return f"It was asked for. It finds planted labels with {figure}."
    near = [other.name for other in others if not _behind(np.array(other.auc), auc, len(others))]
    told = f"not shown to be worse: {', '.join(near)}" if near else "every other way is shown to be worse"
    return f"It has the highest mean in finding planted labels: {figure}; {told}."


def _behind(other: NDArray[np.float64], best: NDArray[np.float64], others: int) -> bool:
    """Whether a contender is shown to be worse, by a paired t-test of the draws at 5 % over all comparisons.

    Bonferroni's correction covers the choice of the best: it is for both orders of each pair.
    """
    return bool((best != other).any() and ttest_rel(best, other).pvalue < 0.05 / (others * (others + 1) / 2))
