"""The records of an audit: what `audit.json` holds, from which its page is drawn."""

from typing import Literal

from ..records import record

Kind = Literal["table", "texts", "images", "arrays", "probabilities"]


@record
class Contender:
    """A way of ranking the rows, tried on wrong labels that were planted.

    Attributes:
        name: the method and what its model reads, as in `margin on boosted trees, out of sample`.
        auc: ROC-AUC of finding the planted labels, for each draw.
        precision: the share of planted labels among as many first rows as labels were planted, for each draw.
        seconds: to score once, with the training that is its own.
    """

    name: str
    auc: list[float]
    precision: list[float]
    seconds: float


@record
class Planted:
    """What was planted to choose a method.

    Attributes:
        share: of the rows whose labels were changed.
        rows: how many rows took part in a draw.
        draws: how many times.
        contenders: the ways of ranking, the best mean first.
    """

    share: float
    rows: int
    draws: int
    contenders: list[Contender]


@record
class Estimate:
    """An estimate with its interval of 95 %."""

    value: float
    low: float
    high: float


@record
class Depth:
    """How many of the first rows are wrong, or hard to tell from wrong.

    Attributes:
        rows: so many of the most suspect rows.
        precision: the share of wrong labels to expect among them.
    """

    rows: int
    precision: Estimate


@record
class Row:
    """A row as a person sees it.

    Attributes:
        row: its number in the data, from 0.
        name: of its file; empty where rows have numbers alone.
        given: its label.
        cells: what it holds, by column, as the data have it; a text has one cell.
        picture: a data URI of its image; empty if it is none.
    """

    row: int
    name: str
    given: str
    cells: dict[str, str]
    picture: str


@record
class Suspect:
    """A row whose label may be wrong.

    Attributes:
        rank: from 1.
        shown: the row.
        score: higher is more suspect.
        suggested: the label that the model holds for the likeliest.
        probability: of the suggested label.
        given_probability: of the given label.
        reason: in words.
        unusual: why a cell is unusual among the rows of its label, by column.
        twin: a near duplicate with another label, if there is one.
    """

    rank: int
    shown: Row
    score: float
    suggested: str
    probability: float
    given_probability: float
    reason: str
    unusual: dict[str, str]
    twin: Row | None


@record
class Audit:
    """An audit of labels.

    Attributes:
        data: the data's name, as the user gave it.
        label: the column of labels; empty where there are no columns.
        kind: of input.
        rows: how many.
        classes: their names, as the data have them.
        method: how the rows were ranked.
        chosen: why, in a sentence.
        planted: what was planted to choose it; None where the method was given.
        wrong: how many labels are wrong, or hard to tell from wrong; None where that cannot be estimated.
        depths: what to expect among the first rows.
        matrix: how many of the probably wrong rows have each given label (a row) and suggested label (a column).
        suspects: the most suspect rows, as many as the page shows.
        notes: what the reader should know, a sentence each.
        seconds: that the audit took.
    """

    data: str
    label: str
    kind: Kind
    rows: int
    classes: list[str]
    method: str
    chosen: str
    planted: Planted | None
    wrong: Estimate | None
    depths: list[Depth]
    matrix: list[list[int]]
    suspects: list[Suspect]
    notes: list[str]
    seconds: float
