"""Records: typed from the worker to the page; a wrong field is named."""

import json
from dataclasses import field
from datetime import date
from typing import Annotated

import pytest
from pydantic import Field

import influence_bench as ib
from influence_bench.bench.records import built, line, parsed, plain, read, record, write


@record
class Leaf:
    name: str
    size: Annotated[float, Field(gt=0)] = 1.0


@record
class Tree:
    leaves: tuple[Leaf, ...]
    notes: dict[str, str] = field(default_factory=dict)


TREE = Tree((Leaf("a"), Leaf("b", 2.0)), {"seen": "yes"})


def test_a_record_is_the_same_after_a_trip_through_a_file_or_a_line(tmp_path):
    write(TREE, tmp_path / "tree.json")
    assert read(Tree, tmp_path / "tree.json") == TREE
    assert parsed(Tree, line(TREE), "a message") == TREE
    assert "\n" not in line(TREE)


def test_letters_that_no_file_can_hold_are_replaced(tmp_path):
    odd = Tree((), {"file": "caf\udce9.csv", "word": "naïve"})
    write(odd, tmp_path / "tree.json")
    for copy in (read(Tree, tmp_path / "tree.json"), parsed(Tree, line(odd), "a message")):
        assert copy.notes == {"file": "caf?.csv", "word": "naïve"}


def test_a_record_cannot_be_changed():
    with pytest.raises(AttributeError):
        TREE.notes = {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"leaves": None}, "wrong field leaves"),
        ({"leaves": [{"size": 1.0}]}, r"lacks the field leaves\.0\.name"),
        ({"leaves": [{"name": "a", "size": "big"}]}, r"wrong field leaves\.0\.size, 'big'"),
        ({"leaves": [{"name": "a", "size": -1}]}, r"leaves\.0\.size, '-1': input should be greater than 0"),
        ({"roots": 3}, "an unknown field roots"),
    ],
)
def test_a_wrong_field_is_named_with_the_file_and_the_mend(tmp_path, change, said):
    file = tmp_path / "tree.json"
    file.write_text(json.dumps(plain(TREE) | change))
    with pytest.raises(ib.InputError, match=rf"tree\.json .*{said}.*: plant another") as error:
        read(Tree, file, "plant another")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "5", '"x"'])
def test_what_is_no_record_at_all_is_one_line(tmp_path, content):
    file = tmp_path / "tree.json"
    file.write_text(content)
    with pytest.raises(ib.InputError, match=r"tree\.json") as error:
        read(Tree, file)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ib.InputError, match="cannot be read"):
        read(Tree, tmp_path / "none.json")


def test_plain_values_become_a_record_and_lists_may_stand_for_tuples():
    assert built(Tree, {"leaves": [{"name": "a"}]}, "the table") == Tree((Leaf("a"),))
    with pytest.raises(ib.InputError, match=r"the table has a wrong field leaves\.0\.name, '3'"):
        built(Tree, {"leaves": [{"name": 3}]}, "the table")
    with pytest.raises(ib.InputError, match=r"leaves\.0\.name, .*2020-01-01"):
        built(Tree, {"leaves": [{"name": date(2020, 1, 1)}]}, "the table")
