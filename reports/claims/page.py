"""The page of claims, as HTML and as Markdown."""

from collections.abc import Sequence
from pathlib import Path

from ...bench.errors import InputError
from ...bench.files import write_bytes
from ...bench.results.run import Run
from ..markdown import escaped, literal
from ..render import render
from ..sources import Fact, facts
from .claim import CLAIMS
from .sections import Section, Tested, sections

TITLE = "The paper's claims, tested"
PAPER = "Chhabra et al. 2025, Outlier Gradient Analysis (arXiv 2405.03869)"
PROTOCOL = (
    "The same experiments under one protocol: the same loader, shuffling, epochs and seeds for every arm, the last "
    "epoch's model, given labels for label-quality scores, clean validation gradients for influence functions, random "
    "removal as the control. Intervals are 95 %, over seeds. A smaller scale than the paper's is stated with the run."
)


def write_claims(runs: Sequence[Run], out: Path) -> Path:
    """Write the page of all claims that the runs test, in the order of the runs, into a folder.

    Returns:
        The page, `claims.html`, which needs no other file; `claims.md` and its pictures are next to it.

    Raises:
        InputError: if no run tests a claim, or a file of a run is damaged or of another version.
    """
    judged = sections(runs)
    if not judged:
        suites = ", ".join(sorted({claim.suite for claim in CLAIMS.all().values()}))
        raise InputError(f"these runs test none of the paper's claims: give runs of {suites}")
    contents = {f"plots/{picture.file}": picture.wide for section in judged for picture in section.pictures}
    contents |= {"claims.md": markdown(judged).encode(), "claims.html": html(judged).encode()}
    for name, content in contents.items():
        write_bytes(out / name, content)
    return out / "claims.html"


def html(judged: Sequence[Section]) -> str:
    """The claims as one page that needs no other file; all text from runs is escaped."""
    sources = [(section.run.info.suite.name, facts(section.run)) for section in judged]
    return render("claims.html", title=TITLE, paper=PAPER, protocol=PROTOCOL, sections=judged, sources=sources)


def markdown(judged: Sequence[Section]) -> str:
    """The claims as Markdown: a table of verdicts, a section for each suite, and the sources of its figures."""
    rows = [
        f"| {tested.number} | {tested.claim.statement} | {escaped(tested.sentence)} |"
        for section in judged
        for tested in section.tested
    ]
    parts = [f"# {TITLE}", f"{PAPER}. {PROTOCOL}", "\n".join(["| | claim | verdict |", "|:--|:--|:--|", *rows])]
    for section in judged:
        parts += [f"## {escaped(section.run.info.suite.title)}"]
        for tested in section.tested:
            parts += [f"### {tested.number}. {tested.claim.statement}", _items(tested)]
        for picture in section.pictures:
            parts += [f"![{picture.caption}](plots/{picture.file})", picture.caption]
    parts += ["## Sources of the figures"]
    for section in judged:
        lines = [_line(fact) for fact in facts(section.run)]
        parts += ["\n".join([f"**{escaped(section.run.info.suite.name)}**", "", *lines])]
    return "\n\n".join(parts) + "\n"


def _items(tested: Tested) -> str:
    """The paper's figures, ours and the verdict, as a list."""
    return "\n".join(
        [
            f"- The paper ({tested.claim.place}): {tested.claim.paper}",
            f"- Here: {escaped(tested.figures)}",
            f"- **{escaped(tested.sentence)}**",
        ]
    )


def _line(fact: Fact) -> str:
    return f"- {fact.name}: {literal(fact.text) if fact.command else escaped(fact.text)}"
