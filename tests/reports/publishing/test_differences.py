"""A published file is compared with the same file made anew, and each difference is named."""

import pytest

from influence_bench.reports.publishing.differences import (
    picture_differences,
    record_differences,
    table_differences,
    text_differences,
)

TABLE = "rank,method,auc,verdict\n1,loss,0.9123456789012345,best\n2,el2n,0.5,worse\n3,random,,\n"
TRIMMING = "problem,budget,removal,gain\ndigits,5%,loss,0.01\nblobs,5%,loss,0.02\n"
MARKDOWN = (
    "# A title\n\n| # | method | certainty |\n|:--|:-------|:----------|\n| 1 | loss | best |\n| 2 | el2n | worse |\n"
)
PICTURE = (
    '<svg width="10"><path id="p0a1" d="M 1.25 2.5"/><use href="#p0a1" x="1e-3"/>'
    "<text>loss</text><text>0.5</text></svg>"
)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0.5,worse", "0.6,worse", ["row el2n, column auc: published 0.6, anew 0.5"]),
        ("0.9123456789012345", "0.9123456789", []),
        ("0.9123456789012345", "0.912345677", ["row loss, column auc: published 0.912345677, anew 0.9123456789012345"]),
        ("worse", "best", ["row el2n, column verdict: published best, anew worse"]),
        ("random,,", "random,0.5,", ["row random, column auc: published 0.5, anew "]),
        ("2,el2n,0.5,worse\n", "", ["row el2n: published 0 times, anew 1 times"]),
        ("3,random,,\n", "3,random,,\n3,random,,\n", ["row random: published 2 times, anew 1 times"]),
        ("3,random,,\n", "3,random,,\n4,ours,1,best\n", ["row ours: published 1 times, anew 0 times"]),
        ("auc", "roc_auc", ["published the columns rank, method, roc_auc, verdict; anew rank, method, auc, verdict"]),
        (TABLE, "", ["published the columns ; anew rank, method, auc, verdict"]),
    ],
)
def test_a_table_is_compared_by_row_and_column(old, new, said):
    assert old in TABLE
    assert list(table_differences(TABLE.replace(old, new), TABLE)) == said


def test_the_order_of_rows_counts():
    names, first, second, third = TABLE.splitlines(keepends=True)
    (line,) = table_differences(names + second + first + third, TABLE)
    assert line == "published the rows in the order el2n, loss, random; anew loss, el2n, random"


def test_a_row_is_named_by_all_that_distinguishes_it():
    (line,) = table_differences(TRIMMING.replace("0.02", "0.2"), TRIMMING)
    assert line == "row blobs · 5% · loss, column gain: published 0.2, anew 0.02"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("worse", "best", ["line 6, row 2 | el2n: published 'best', anew 'worse'"]),
        ("# A title", "# A better title", ["line 1: published '# A better title', anew '# A title'"]),
        ("| 2 | el2n | worse |\n", "", ["line 6: published '', anew '| 2 | el2n | worse |'"]),
        ("| 2 |", "Ours is best.\n| 2 |", ["line 6: published 'Ours is best.', anew ''"]),
        ("| 1 | loss ", "| 1 | loss        ", []),
    ],
)
def test_markdown_is_compared_line_by_line(old, new, said):
    assert old in MARKDOWN
    assert list(text_differences(MARKDOWN.replace(old, new), MARKDOWN)) == said


def test_a_record_is_compared_field_by_field():
    anew = {"suite": {"name": "quick", "methods": ["a", "b"]}, "seeds": 5, "empty": {}}
    published = {"suite": {"name": "quick", "methods": ["a", "c", "d"]}, "seeds": 3, "empty": {}}
    assert list(record_differences(published, anew)) == [
        "field suite.methods.1: published 'c', anew 'b'",
        "field suite.methods.2: published 'd', anew None",
        "field seeds: published 3, anew 5",
    ]
    assert not list(record_differences(anew, anew))


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ("1.25", "1.26", False),
        ("p0a1", "p7b2", False),
        ("1e-3", "0.001", False),
        ("1.25", "1.5", True),
        ("loss", "el2n", True),
        (">0.5<", ">0.54<", True),
        ("</svg>", "<text>best</text></svg>", True),
    ],
)
def test_a_picture_may_be_rounded_elsewhere_and_no_more(old, new, differs):
    assert old in PICTURE
    assert bool(list(picture_differences(PICTURE.replace(old, new), PICTURE))) == differs
