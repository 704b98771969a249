"""Columns of known numbers, words, dates and labels, and arrays: what models read of them is what was meant."""

import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from random_cells import TELLING
from table_outcomes import Fault

import influence_bench as ib
from influence_bench.bench.audit.inputs import own_rows
from influence_bench.datasets.tables.columns import Encoder, class_indices

MARKS = ("", "?", "NA", "n/a", "nan", "NULL", "-", "..", " ")
"""Cells that are missing among numbers and dates."""
NOTATIONS = [
    (group, point, before, after)
    for group, point in (("", "."), (",", "."), (" ", "."), ("'", "."), ("\u202f", ","), ("", ","), (".", ","))
    for before, after in (("", ""), ("$", ""), ("€ ", ""), ("", "%"), ("", " km"), ("USD ", ""))
]
"""Marks of thousands and of decimals, and what stands before and after a number."""
FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%m/%d/%Y")


@st.composite
def columns(draw):
    """A kind of column, its cells, and what they mean: None where a cell is missing."""
    n = draw(st.integers(4, 30))
    kind = draw(st.sampled_from(["numbers", "words", "dates", "labels"]))
    if kind == "numbers":
        group, point, before, after = draw(st.sampled_from(NOTATIONS))
        places = 2 if point == "," else draw(st.integers(0, 2))
        negative = draw(st.sampled_from(["-", "−", "()"]))
        truth = draw(st.lists(st.integers(-(10**9), 10**9).map(lambda i: i / 10**places), min_size=n, max_size=n))
        digits = [f"{abs(x):,.{places}f}".replace(",", "|").replace(".", point).replace("|", group) for x in truth]
        cells = [_signed(f"{before}{d}{after}", negative, x < 0) for d, x in zip(digits, truth, strict=True)]
    elif kind == "dates":
        form = draw(st.sampled_from(FORMATS))
        moments = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))
        days = draw(st.lists(moments.map(lambda t: t.replace(microsecond=0)), min_size=n, max_size=n))
        days[0] = days[0].replace(month=12, day=31)  # it shows which is the month
        cells = [day.strftime(form) for day in days]
        read = [datetime.strptime(cell, form).replace(tzinfo=UTC) for cell in cells]
        truth = [(day - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() for day in read]
    elif kind == "words":
        known = draw(
            st.lists(
                st.text("abcXYZéß -,1", min_size=2).map(str.strip).filter(_is_word), min_size=2, max_size=8, unique=True
            )
        )
        cells = draw(st.lists(st.sampled_from(known), min_size=n, max_size=n))
        truth = list(cells)
    else:
        n = max(n, 12)
        known = draw(
            st.lists(st.sampled_from(TELLING).map(str.strip).filter(bool), min_size=2, max_size=4, unique_by=_key)
        )
        cells = [*known, *draw(st.lists(st.sampled_from(known), min_size=n, max_size=n))]
        return kind, [draw(st.sampled_from(["", " "])) + cell for cell in cells], [_key(cell) for cell in cells]
    for row in draw(st.lists(st.integers(1, n - 1), max_size=n // 4)):
        cells[row], truth[row] = (draw(st.sampled_from(MARKS)), None) if kind != "words" else ("", "")
    return kind, cells, truth


def _signed(digits, negative, is_negative):
    if not is_negative:
        return digits
    return f"({digits})" if negative == "()" else negative + digits


def _is_word(cell):
    return bool(re.match(r"[^\W\d_]{2}", cell)) and cell.lower() not in {
        "nan",
        "na",
        "null",
        "none",
        "inf",
        "true",
        "false",
    }


def _key(cell):
    whole = re.fullmatch(r"[-+]?\d+(\.0*)?", cell)
    return int(cell.partition(".")[0]) if whole else cell


def encoded(drawn):
    """What models read of a column: `right`, or a line.

    Raises:
        Fault: if they read anything else.
    """
    kind, cells, truth = drawn
    try:
        if kind == "labels":
            return _classes(cells, truth)
        table = pd.DataFrame({"first": ["b", "a"] * (len(cells) // 2) + ["b"] * (len(cells) % 2), "x": cells})
        features = Encoder.fit(table, "a table").features(table)[:, 1:]
    except ib.InputError as error:
        if kind == "labels" and re.search("a number and not a class|is it the label|is empty", str(error)):
            return "labels refused"
        raise Fault(f"refused: {error}") from error
    except Exception as error:
        raise Fault(f"{type(error).__name__}: {error}") from error
    if kind == "words":
        for one in range(len(cells)):
            for other in range(one):
                if (features[one] == features[other]).all() != (truth[one] == truth[other]):
                    raise Fault(f"{cells[one]!r} and {cells[other]!r} are confused")
        return "words"
    known = [x for x in truth if x is not None]
    wanted = [np.median(known) if x is None else x for x in truth]
    if not np.allclose(features[:, 0], wanted, rtol=1e-12, atol=1e-12):
        raise Fault(f"{cells} are read as {features[:, 0].tolist()}")
    if None in truth and not (features[:, -1] == [x is None for x in truth]).all():
        raise Fault("missing cells are not marked")
    return kind


def _classes(cells, truth):
    y, classes = class_indices(pd.Series(cells, name="y"), "a table")
    shown = [_key(str(classes[index]).strip()) for index in y.tolist()]
    if shown != truth:
        raise Fault(f"the labels {cells} are {shown}")
    return "labels"


ARRAYS = ("float64", "float32", "float16", "int8", "int64", "uint8", "uint16", "uint64", "bool", "complex64", ">f8",
          "U3", "S3", "datetime64[s]", "longdouble")  # fmt: skip
OF_LABELS = ("int64", "uint8", "bool", "float64", "U3", "S3", "float16", ">i4", "datetime64[D]")


@st.composite
def archives(draw):
    """Types and shapes of the arrays of an `.npz` file."""
    n = draw(st.integers(10, 20))
    shape = draw(
        st.sampled_from(
            [(n, 3), (n, 3), (n, 1), (n, 0), (n,), (n + 1, 3), (n, 4, 4), (n, 3, 4, 4), (n, 4, 4, 1), (n, 2, 2, 2, 2)]
        )
    )
    return (
        n,
        shape,
        draw(st.sampled_from(ARRAYS)),
        draw(st.sampled_from(OF_LABELS)),
        draw(st.sampled_from([(), (), (1,)])),
    )


def unpacked(drawn):
    """What is read of an `.npz` file: `rows`, or a line.

    Raises:
        Fault: if it is neither.
    """
    n, shape, dtype, label_type, more = drawn
    numbers = np.random.default_rng(0).integers(0, 2, shape)
    x, y = numbers.astype(dtype), (np.arange(n) % 2).reshape(n, *more).astype(label_type)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.npz"
        np.savez(file, x=x, y=y)
        try:
            rows = own_rows(file)
        except ib.InputError as error:
            is_plain = dtype not in {"complex64", "U3", "S3", "datetime64[s]", "longdouble"} and not more
            if is_plain and len(shape) in (2, 3) and shape[0] == n and shape[1]:
                raise Fault(f"refused: {error}") from error
            return "refused"
        except Exception as error:
            raise Fault(f"{type(error).__name__}: {error}") from error
    if rows.y.tolist() != [i % 2 for i in range(n)] or not rows.examples.x.isfinite().all():
        raise Fault(f"labels {rows.y.tolist()} of {label_type}")
    if rows.kind == "arrays" and not (rows.cells.to_numpy() == numbers).all():
        raise Fault("the cells are others")
    return f"{rows.kind}"


@st.composite
def probability_files(draw):
    """Names of classes, a file of probabilities of them, and how it names its columns."""
    classes = draw(st.sampled_from([["cat", "dog"], ["0", "1"], ["1", "2"], ["a b", "c", "d"], ["True", "False"]]))
    order = draw(st.permutations(classes))
    naming = draw(st.sampled_from(["names", "spaces", "numbers", "others", "index", "words", "sums", "short", "npy"]))
    return classes, order, naming


def probable(drawn):
    """What is read of probabilities: each class its own, or a line.

    Raises:
        Fault: if it is neither.
    """
    classes, order, naming = drawn
    k, n = len(classes), 12
    y = np.array(classes)[np.arange(n) % k]
    rng = np.random.default_rng(0)
    p = pd.DataFrame(rng.dirichlet(np.ones(k), n), columns=order)
    known = sorted(classes)
    wanted = p[known].to_numpy()
    x = rng.normal(size=(n, 2))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ("p.npy" if naming == "npy" else "p.csv")
        if naming in ("numbers", "npy"):
            p, wanted = p.set_axis(range(k), axis=1), p.to_numpy()
            is_right = (
                naming == "npy" or not set(map(str, range(k))) & set(classes) or set(map(str, range(k))) == set(classes)
            )
        else:
            is_right = naming in ("names", "spaces")
        p = {
            "spaces": lambda: p.set_axis([f" {name}" for name in p], axis=1), "others": lambda: p.add_prefix("p_"),
            "words": lambda: p.astype(str).replace(p.iloc[0, 0].astype(str), "high"), "sums": lambda: p * 2,
            "short": lambda: p.iloc[1:],
        }.get(naming, lambda: p)()  # fmt: skip
        np.save(file, p.to_numpy()) if naming == "npy" else p.to_csv(file, index=naming == "index")
        try:
            read = own_rows((x, y), probabilities=file).p
        except ib.InputError as error:
            if is_right:
                raise Fault(f"refused: {error}") from error
            return "refused"
        except Exception as error:
            raise Fault(f"{type(error).__name__}: {error}") from error
    if not is_right:
        raise Fault("read, although it does not fit")
    if not np.allclose(read, wanted):
        raise Fault("the probabilities are those of other classes")
    return "read"
