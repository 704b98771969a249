"""What the pages say is so: their links, their figures, their tables, the commands that they name."""

import re

import pandas as pd
import pytest
import typer
from pages import PAGES, PUBLISHED, README, ROOT, blocks, generated, spans

import influence_bench as ib
from influence_bench.bench.cli.main import app
from influence_bench.bench.registry.method import METHODS
from influence_bench.bench.run.suite import suites

LONGEST = 7000
CONTRIBUTING = ROOT / ".github" / "CONTRIBUTING.md"
LINK = re.compile(r"\]\(([^)\s]+)\)")
PLACEHOLDER = re.compile(r"[A-Z]+\.*")
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def links(page):
    """Files that a page links to, and the heading there."""
    for link in LINK.findall(page.read_text()):
        if not link.startswith(("https://", "http://")):
            path, _, heading = link.partition("#")
            yield page.parent / path if path else page, heading


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def named_commands(page):
    """The lines of `influence-bench` that a page names in its prose, or shows and does not run."""
    shown = [line for block in blocks(page) if block.info == "bash not-run" for line in block.commands]
    return [text for text in [*spans(page), *shown] if text.startswith("influence-bench ")]


def test_the_readme_is_short():
    assert len(README.read_text()) <= LONGEST


@pages
def test_every_link_leads_somewhere(page):
    for target, heading in links(page):
        assert target.exists(), target
        assert not heading or heading in anchors(target), f"{target}#{heading}"


def test_the_readme_leads_to_every_page():
    assert {page.resolve() for page in PAGES} - {target.resolve() for target, _ in links(README)} == {README}


@pages
def test_no_page_names_a_place_on_somebodys_machine(page):
    assert not re.findall(r"(?<![\w./])/(?:home|root|tmp|work|Users)/\S*", page.read_text())


@pages
def test_generated_tables_are_current(page):
    text = page.read_text()
    assert generated(text) == text, "python tests/shared/pages.py writes the tables anew"


def test_every_method_is_named_on_a_page():
    named = {span for page in PAGES for span in spans(page)}
    assert not METHODS.all().keys() - named


def test_every_family_of_methods_is_explained():
    explained = re.findall(r"^- \*\*(.*?)\*\*:", (PUBLISHED / "families.md").read_text(), re.MULTILINE)
    assert sorted(explained) == sorted({method.family for method in METHODS.all().values()})


@pages
def test_every_command_that_is_named_is_one(page):
    for text in named_commands(page):
        arguments = [word.strip("\"'") for word in text.split()[1:]]
        command, context = typer.main.get_command(app), None
        while arguments and hasattr(command, "commands"):
            name, command, arguments = command.resolve_command(typer.Context(command, info_name=text), arguments)
            context = typer.Context(command, info_name=name)
        assert context is not None, text
        command.make_parser(context).parse_args(list(arguments))
        if name in ("run", "plan") and arguments and not PLACEHOLDER.fullmatch(arguments[0]):
            assert arguments[0] in suites(), text


@pages
def test_every_suite_that_is_named_is_one(page):
    for span in spans(page):
        if re.fullmatch(r"paper-[a-z0-9-]+|\w+-small", span) and span not in METHODS.all():
            assert span in suites() or span == "paper-*", span


def test_every_file_that_contributing_names_is_there():
    for span in spans(CONTRIBUTING):
        if re.fullmatch(r"(?:bench|methods|datasets|reports|tests)/[\w/.-]*", span):
            assert (ROOT / span).exists(), span


def leaderboard(paragraph):
    """The published table that a paragraph of the answer is drawn from."""
    link = next(link for link in LINK.findall(paragraph) if link.endswith("leaderboard.md"))
    return pd.read_csv((ROOT / link).with_suffix(".csv"), keep_default_na=False).set_index("method")


def answers():
    """The paragraphs of the README's answer that are drawn from a leaderboard."""
    answer = README.read_text().partition("## The answer")[2].partition("\n## ")[0]
    return [" ".join(paragraph.split()) for paragraph in answer.split("\n\n") if "leaderboard.md" in paragraph]


@pytest.mark.parametrize("paragraph", answers(), ids=lambda paragraph: paragraph[2:12])
def test_the_answers_figures_are_those_of_the_leaderboards(paragraph):
    board = leaderboard(paragraph)
    auc = re.findall(r"`([\w=\[\],-]+)`,?[^`]*?(\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\])", paragraph)
    assert len(auc) == len(re.findall(r"\d \[", paragraph))
    for name, figures in auc:
        row = board.loc[name]
        assert figures == f"{row['roc_auc']:.3f} [{row['low']:.3f}, {row['high']:.3f}]", name
    costs = re.findall(r"`([\w=\[\],-]+)`[^`]* (?:costs|takes) (\d+\.\d+)", paragraph)
    assert len(costs) == len(re.findall(r"(?:costs|takes) \d", paragraph))
    for name, epochs in costs:
        assert f"{float(epochs):.2g}" == f"{board.loc[name, 'epochs']:.2g}", name


def test_the_answer_claims_no_more_than_the_leaderboards_tell_apart():
    tables, images = answers()
    board, verdicts = leaderboard(tables), leaderboard(tables)["verdict"]
    assert verdicts["cartography"] == "best"
    not_shown = re.findall(r"`([^`]+)`", tables.partition("not shown to be worse: ")[2].partition(". The")[0])
    assert not_shown == list(verdicts.index[verdicts == "not shown to be worse"])
    assert f"The other {(verdicts == 'worse').sum()} rows are worse" in tables
    assert {verdicts[name] for name in ("loss", "outlier-gradient", "datainf", "random")} == {"worse"}
    assert round(1000 * board["epoch_seconds"].median()) == 2  # milliseconds
    verdicts = leaderboard(images)["verdict"]
    assert verdicts["el2n"] == "best"
    assert set(verdicts[["loss", "self-confidence"]]) == {"not shown to be worse"}
    assert f"The other {(verdicts == 'worse').sum()} rows are worse" in images
    assert (verdicts == "worse").sum() == len(verdicts) - 3


def test_the_software_is_cited_in_its_present_version():
    cited = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {ib.__version__}\n" in cited
    assert "2405.03869" in cited
    assert "\nlicense: Apache-2.0\n" in cited
