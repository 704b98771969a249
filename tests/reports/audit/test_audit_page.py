"""The page of an audit: what it answers, and that everything in it is text."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from made_up_audits import HOSTILE, KINDS, hostile_audit, made_up_audit

from influence_bench.bench.results.audit import Estimate
from influence_bench.reports.audit.page import audit_page
from influence_bench.reports.audit.words import answer, percent


class Reader(HTMLParser):
    """What a browser would make of a page: its elements, and its text without styles and scripts."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text, self._inside = [], "", ""
        self.feed(page)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        self.text += "" if self._inside else data

    def count(self, tag, **attributes):
        return sum(name == tag and attributes.items() <= found.items() for name, found in self.elements)


@pytest.mark.parametrize("kind", KINDS)
def test_each_suspect_of_each_kind_can_be_decided(kind):
    reader = Reader(audit_page(made_up_audit(kind, 4)))
    assert reader.count("article") == 4
    assert reader.count("input", type="radio") == 12
    assert reader.count("img") == (5 if kind == "images" else 0)
    assert reader.text.count("near duplicate, row") == 1


def test_the_first_sentence_answers():
    assert answer(made_up_audit("texts", 1)) == (
        "About 412 of the 10,000 labels are wrong or hard to tell from wrong,"
        " between 371 and 456 with 95\N{NO-BREAK SPACE}% confidence if errors look like planted ones;"
        " rows are ranked by margin on boosted trees, out of sample."
    )
    one = replace(made_up_audit("texts", 1), wrong=Estimate(1.2, 0, 2.8))
    assert "About 1 of the 10,000 labels is wrong or hard to tell from wrong, between 0 and 3" in answer(one)


def test_without_planted_labels_nothing_is_estimated():
    page = audit_page(made_up_audit("texts", 1, planted=None, wrong=None, depths=[]))
    text = Reader(page).text
    assert "How many of the 10,000 labels are wrong cannot be estimated, since no wrong labels were planted" in text
    assert "How well planted errors" not in text
    assert "What to expect" not in text


def test_contenders_are_shown_with_their_range_and_cost():
    text = Reader(audit_page(made_up_audit("table", 1))).text
    assert "margin on boosted trees, out of sample 0.971 0.968 to 0.974 80 % 12" in text


def test_the_first_rows_are_said_to_be_wrong_at_least_so_often():
    text = Reader(audit_page(made_up_audit("table", 1))).text
    assert (
        "Of the first 100 rows, about 91 % are wrong or hard to tell from wrong (84 % to 96 % with 95 % confidence)."
        in text
    )


def test_few_classes_have_a_matrix_and_many_a_list_of_pairs():
    few, many = (audit_page(made_up_audit(kind, 1)) for kind in ("arrays", "probabilities"))
    assert Reader(few).count("th", scope="col") == 20
    assert "20 most frequent of 2," not in Reader(few).text
    assert Reader(many).count("th", scope="col") == 0
    assert "20 most frequent of 2," in Reader(many).text


def test_pairs_with_most_rows_come_first():
    audit = made_up_audit("probabilities", 1)
    matrix = [[0] * 60 for _ in range(60)]
    matrix[3][4], matrix[9][8] = 2, 17
    text = Reader(audit_page(replace(audit, matrix=matrix))).text
    assert "GivenSuggestedRows tag-9tag-817 tag-3tag-42" in text


def test_no_pair_needs_no_section():
    page = audit_page(made_up_audit("table", 0, matrix=[[0, 0], [0, 0]]))
    assert "Given and suggested" not in page
    assert "The 0 most suspect rows" in page


def test_an_unusual_cell_comes_first_with_its_reason_and_the_rest_is_folded():
    page = audit_page(made_up_audit("table", 1))
    cells = re.findall(r"<dt><bdi>(.*?)</bdi>", page)
    assert cells[:2] == ["radius", "id"]
    assert page.count('<div class="odd">') == 1
    assert "larger than 99 % of the rows labelled malignant" in page
    assert "4 more columns" in page


def test_a_model_that_agrees_with_the_label_suggests_no_other():
    audit = made_up_audit("texts", 1)
    same = replace(audit.suspects[0], suggested=audit.suspects[0].shown.given, given_probability=0.6)
    text = Reader(audit_page(replace(audit, suspects=[same]))).text
    assert "60 % likely, as the model agrees" in text
    assert "→" not in text


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.004, "<1 %"), (0.5, "50 %"), (0.989, "99 %"), (0.9999, ">99 %"), (1, "100 %")]
)
def test_only_what_is_certain_is_0_or_100_percent(share, text):
    assert percent(share).replace("\xa0", " ") == text


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_asks_for_nothing_from_outside(kind):
    page = audit_page(made_up_audit(kind, 3))
    named = [attributes.get(name) for _, attributes in Reader(page).elements for name in ("src", "srcset", "href")]
    assert all(address.startswith("data:") for address in filter(None, named))
    assert not re.search(r"url\(|@import", page)
    assert "default-src 'none'" in page


def test_hostile_text_makes_no_element():
    hostile = Reader(audit_page(hostile_audit()))
    assert hostile.count("script") == 2
    assert hostile.count("img") == 0
    assert not any(name.startswith("on") for _, attributes in hostile.elements for name in attributes)


def test_the_data_inside_the_page_are_those_of_the_audit():
    page = audit_page(hostile_audit())
    (text,) = re.findall(r'<script type="application/json" id="audit">(.*?)</script>', page, re.DOTALL)
    assert json.loads(text)["classes"] == [HOSTILE, f"={HOSTILE}", "plain", ""]


def test_the_same_audit_gives_the_same_page():
    assert audit_page(made_up_audit("images", 3)) == audit_page(made_up_audit("images", 3))
