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
    "removal as the control."
)
RULES = (
    "Each claim is a contrast, which was written down before its result: one arm minus another, paired by problem and "
    "seed. Intervals are 95 %, over seeds on these problems.",
    "A claim *stands* if its difference is shown to be above zero, or above the least difference that it names. It "
    "*falls* if the difference is shown to be below the margin, inside which differences are of no account: the "
    "opposite is true, or the arms are alike. A claim that two arms are alike stands if the difference is shown to lie "
    "within the margin, and falls if it is shown to lie beyond. A claim that an arm is not worse has a negative "
    "margin: it stands if the difference is shown to be above that, and falls if it is shown to be below.",
    "Otherwise it *cannot be told*. The smallest visible difference is how far a true difference must lie from zero, "
    "or from the margin, for these seeds to show it with a probability of 80 %: the runs say nothing against a smaller "
    "difference.",
    "All claims of the page are tested together, by Holm's method: the chance of any wrong verdict is at most 5 %.",
    "A verdict is about the scale of its run. A smaller scale than the paper's is not a refutation of the paper at its "
    "scale.",
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
    for name, content in {**markdown_files(judged), "claims.html": html(judged).encode()}.items():
        write_bytes(out / name, content)
    return out / "claims.html"


def markdown_files(judged: Sequence[Section]) -> dict[str, bytes]:
    """The page as Markdown and its pictures, by file name."""
    pictures = {f"plots/{picture.file}": picture.wide for section in judged for picture in section.pictures}
    return {"claims.md": markdown(judged).encode(), **pictures}


def html(judged: Sequence[Section]) -> str:
    """The claims as one page that needs no other file; all text from runs is escaped."""
    sources = [(section.run.info.suite.name, facts(section.run)) for section in judged]
    return render(
        "claims.html", title=TITLE, paper=PAPER, protocol=PROTOCOL, rules=RULES, claims=judged, sources=sources
    )


def markdown(judged: Sequence[Section]) -> str:
    """The claims as Markdown: the rules, the scales, a table of verdicts, and a section for each suite with sources."""
    parts = [f"# {TITLE}", f"{PAPER}. {PROTOCOL}", "## How verdicts follow", *RULES, "## Scales"]
    parts += ["\n".join(_scale(section) for section in judged), "## Verdicts", _table(judged)]
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


def _scale(section: Section) -> str:
    """The paper's scale and ours."""
    return f"- **{escaped(section.run.info.suite.name)}**: the paper: {section.theirs}; here: {escaped(section.here)}"


def _table(judged: Sequence[Section]) -> str:
    """Every claim with its contrast, its difference and its verdict."""
    header = "| | claim | contrast | difference [95 %] | margin | smallest visible | p, adjusted | verdict |"
    rows = []
    for tested in (tested for section in judged for tested in section.tested):
        contrast, (difference, seen, p) = tested.claim.contrast, tested.known
        cells = map(escaped, [contrast.words, difference, contrast.bound, seen, p])
        rows += [" | ".join([f"| {tested.number}", tested.claim.statement, *cells, f"{tested.word} |"])]
    return "\n".join([header, "|--:|:--|:--|--:|--:|--:|--:|:--|", *rows])


def _items(tested: Tested) -> str:
    """The paper's figures, the contrast, our figures and the verdict, as a list."""
    contrast = tested.claim.contrast
    return "\n".join(
        [
            f"- The paper ({tested.claim.place}): {tested.claim.paper}",
            f"- Contrast: {escaped(contrast.words)}, paired by {contrast.paired_by}: {escaped(tested.known[0])}",
            f"- Margin: {contrast.bound}, {escaped(contrast.because)}",
            f"- Here: {escaped(tested.figures)}",
            f"- **{escaped(tested.sentence)}**",
        ]
    )


def _line(fact: Fact) -> str:
    return f"- {fact.name}: {literal(fact.text) if fact.command else escaped(fact.text)}"
