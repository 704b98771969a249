"""The page of an audit: an answer, how well planted errors were found, and the suspects to decide about by hand."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from ...bench.results.audit import Audit, Contender
from ..render import render
from .words import answer, expectation, limits, percent, verdict

WIDEST_MATRIX = 20  # classes that a matrix stays readable with
MOST_PAIRS = 20
MOST_CELLS = 12  # cells of a row to show at once; the others are folded away
DEEPEST = 0.7  # the strongest shade: dark text on it stays legible


def audit_page(audit: Audit) -> str:
    """The page as HTML that needs no other file; whatever names, labels and cells hold is shown as text."""
    positions = {name: position for position, name in enumerate(audit.classes)}
    return render(
        "audit/page.html",
        title=f"Audit of {audit.data}",
        audit=audit,
        answer=answer(audit),
        limits=limits(audit),
        expectations=[expectation(depth) for depth in audit.depths],
        floor=_floor(audit.planted.contenders) if audit.planted else 0.0,
        matrix=audit.matrix if len(audit.classes) <= WIDEST_MATRIX else [],
        shades=_shades(audit.matrix),
        pairs=_pairs(audit),
        pair_count=sum(count > 0 for count in chain.from_iterable(audit.matrix)),
        most_cells=MOST_CELLS,
        given=_labels(audit.classes, (suspect.shown.given for suspect in audit.suspects)),
        suggested=_labels(audit.classes, (suspect.suggested for suspect in audit.suspects)),
        positions=positions,
        known={"data": audit.data, "label": audit.label, "rows": audit.rows, "classes": audit.classes},
        mean=_mean,
        percent=percent,
        verdict=verdict,
        unusual_first=_unusual_first,
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _floor(contenders: Sequence[Contender]) -> float:
    """Where the scale of ROC-AUC begins: at chance, or below the lowest if that is worse."""
    return min(0.5, *(auc for contender in contenders for auc in contender.auc))


def _shades(matrix: Sequence[Sequence[int]]) -> dict[int, str]:
    """The opacity behind each count of a matrix."""
    counts = set(chain.from_iterable(matrix))
    return {count: f"{DEEPEST * count / max(counts):.3f}" for count in counts if count}


def _pairs(audit: Audit) -> list[tuple[str, str, int]]:
    """Given and suggested label of the pairs with most rows, and how many."""
    pairs = [
        (given, suggested, count)
        for given, counts in zip(audit.classes, audit.matrix, strict=True)
        for suggested, count in zip(audit.classes, counts, strict=True)
        if count
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:MOST_PAIRS]


def _labels(classes: Sequence[str], labels: Iterable[str]) -> list[tuple[str, int]]:
    """The classes among some labels, and how often each occurs."""
    counts = Counter(labels)
    return [(name, counts[name]) for name in classes if counts[name]]


def _unusual_first(cells: Mapping[str, str], unusual: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Name, content and what is unusual of each cell, the unusual ones first."""
    named = [(name, text, unusual.get(name, "")) for name, text in cells.items()]
    return sorted(named, key=lambda cell: not cell[2])
