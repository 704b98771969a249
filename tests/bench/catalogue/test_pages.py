"""A page for each method: every part is there, says what the docstring says, and the published one is no older."""

import inspect
import sys
from pathlib import Path

import pytest

import influence_bench as ib
from influence_bench.bench.catalogue.pages import COSTS, all_pages, markdown, page
from influence_bench.bench.cli import main as cli
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


def as_method(function, uses=()):
    return Method("invented", function, "mine", "Me 2026, eq. 1", frozenset(uses))


@pytest.mark.parametrize("name", METHODS.all())
def test_every_method_has_every_part(name):
    method = find_method(name)
    told = page(method)
    assert told.idea.endswith(".")
    assert told.when.endswith(".")
    assert told.cost.endswith(".")
    assert told.cost_class in COSTS
    assert method.paper
    assert list(told.arguments) == list(inspect.signature(method.function).parameters)
    assert all(text.endswith(".") for text in told.arguments.values())


def test_the_parts_of_a_docstring():
    told = page(as_method(invented))
    assert (told.idea, told.more) == ("The loss, to a power.", "More of it, in two lines.")
    assert told.when == "nothing else is left, as here."
    assert told.arguments == {"problem": "with a loss.", "power": "the exponent: at least 1.", "way": "up|down."}
    assert (told.cost_class, told.cost) == ("forward", "one pass. Memory: none.")
    assert told.raises == {"InputError": "if it does not fit."}
    assert told.warns == {}


def test_a_page_says_needs_defaults_and_source():
    text = markdown(as_method(invented, {"validation"}))
    assert text.startswith("## invented\n\nThe loss, to a power.\n")
    for part in (
        "- **Needs**: validation\n", "- **Cost** (forward): one pass.", "- **Source**: Me 2026, eq. 1\n",
        "| `power` | `2.0` | the exponent: at least 1. |", "| `way` | `up\\|down` | up\\|down. |",
    ):  # fmt: skip
        assert part in text
    assert "- **Needs**: the trained model and its training rows, no more\n" in markdown(as_method(invented))
    assert "checkpoints (not with `checkpoints=last`, the default)" in markdown(find_method("el2n"))
    assert "checkpoints, validation (not with `against=training`)" in markdown(find_method("tracin"))


def test_a_method_without_a_docstring_still_has_a_page():
    assert markdown(as_method(lambda problem: None)).startswith("## invented\n\n- **Family**: mine\n")


def test_the_published_page_is_no_older_than_the_docstrings():
    assert PUBLISHED.read_text() == all_pages(), "influence-bench show --out reports/published/methods.md"


@pytest.fixture
def command(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["influence-bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code or 0, *capsys.readouterr()

    return run


def test_the_command_shows_methods_and_writes_the_page(command, tmp_path):
    status, out, _ = command("show", "loss", "less")
    assert status == 0
    assert "When to use it" in out
    assert "Xia et al. 2024" in out
    assert command("show", "--out", tmp_path / "new" / "methods.md")[0] == 0
    assert (tmp_path / "new" / "methods.md").read_text() == all_pages()
    status, _, err = command("show", "los")
    assert (status, err) == (2, "influence-bench: there is no method 'los': did you mean loss or less or logra?\n")


def test_the_list_tells_needs_and_cost():
    frame = ib.methods().set_index("method")
    assert (frame.loc["lissa", "uses"], frame.loc["lissa", "cost"]) == ("validation", "iterative")
    assert set(frame["cost"]) <= set(COSTS)
