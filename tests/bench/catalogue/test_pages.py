"""A method's page has every part, says what the docstring says, and the published page is no older."""

import inspect
from pathlib import Path

import pytest

from influence_bench.bench.catalogue.pages import COSTS, all_pages, markdown, page
from influence_bench.bench.registry.method import METHODS, Method, find_method

PUBLISHED = Path(__file__).parents[3] / "reports" / "published" / "methods.md"


def invented(problem, power: float = 2.0, way: str = "up|down"):
    """The loss, to a power.

    More of it,
    in two lines.

    When: nothing else is left,
        as here.

    Args:
        problem: with a loss.
        power: the exponent: at
            least 1.
        way: up|down.

    Cost (forward): one pass. Memory: none.

    Raises:
        InputError: if it does not
            fit.
    """


def as_method(function, uses=(), **declared):
    return Method("invented", function, "mine", "Me 2026, eq. 1", frozenset(uses), **declared)


@pytest.mark.parametrize("name", METHODS.all())
def test_every_method_has_every_part(name):
    method = find_method(name)
    parts = page(method)
    assert parts.idea.endswith(".")
    assert parts.when.endswith(".")
    assert parts.cost.endswith(".")
    assert parts.cost_class in COSTS
    assert method.paper
    assert list(parts.arguments) == list(inspect.signature(method.function).parameters)
    assert all(text.endswith(".") for text in parts.arguments.values())


def test_the_parts_of_a_docstring():
    parts = page(as_method(invented))
    assert (parts.idea, parts.more) == ("The loss, to a power.", "More of it, in two lines.")
    assert parts.when == "nothing else is left, as here."
    assert parts.arguments == {"problem": "with a loss.", "power": "the exponent: at least 1.", "way": "up|down."}
    assert (parts.cost_class, parts.cost) == ("forward", "one pass. Memory: none.")
    assert parts.raises == {"InputError": "if it does not fit."}
    assert parts.warns == {}


def test_a_page_says_needs_defaults_and_source():
    text = markdown(as_method(invented, {"validation"}))
    assert text.startswith("## invented\n\nThe loss, to a power.\n")
    for part in (
        "- **Needs**: validation\n", "- **Cost** (forward): one pass.", "- **Source**: Me 2026, eq. 1\n",
        "| `power` | `2.0` | the exponent: at least 1. |", "| `way` | `up\\|down` | up\\|down. |",
    ):  # fmt: skip
        assert part in text
    assert "- **Needs**: the trained model and its training rows, no more\n" in markdown(as_method(invented))
    assert "checkpoints (not with the default `checkpoints=last`)" in markdown(find_method("el2n"))
    assert "checkpoints, validation (not with `against=training`)" in markdown(find_method("tracin"))
    method = as_method(invented, package="fast", unless={"fast": {"way": ("up|down", "up")}})
    assert "- **Needs**: the package fast (not with the default `way=up|down` or `way=up`)\n" in markdown(method)


def test_a_method_without_a_docstring_still_has_a_page():
    assert markdown(as_method(lambda problem: None)).startswith("## invented\n\n- **Family**: mine\n")


def test_the_published_page_is_no_older_than_the_docstrings():
    assert PUBLISHED.read_text() == all_pages(), "run influence-bench show --out reports/published/methods.md"
