"""The page of claims."""

from collections.abc import Sequence
from pathlib import Path

from ...bench.errors import InputError
from ...bench.files import write, writer
from ...bench.results.run import Run
from ..leaderboard.markdown import escaped
from ..render import render
from ..style import flat
from .claim import _claims
from .sections import Section, sections

TITLE = "The paper's claims, tested"


PAPER = "Chhabra et al. 2025, Outlier Gradient Analysis (arXiv 2405.03869)"


PROTOCOL = (
    "The same experiments under one protocol: the same loader, shuffling, epochs and seeds for every arm, the last "
    "epoch's model, given labels for label-quality scores, clean validation gradients for influence functions, random "
    "removal as the control. Intervals are 95 %, over seeds. A smaller scale than the paper's is stated with the run."
)


COMMANDS = ("command", "trimmed by")


def write_claims(runs: Sequence[Run], out: Path) -> Path:
    """Write the page of claims that the runs can test, in the order of the runs.

    Returns:
        The page, `claims.html`, which needs nothing beside it; beside it lie `claims.md` and the pictures.

    Raises:
        InputError: if they test none, or are of another version.
    """
    found = sections(runs)
    if not found:
        suites = ", ".join(sorted({one.suite for one in _claims}))
        raise InputError(f"these runs test none of the paper's claims: give runs of {suites}")
    for section in found:
        section.run.frame()  # a run of another version is refused, rather than said to lack things
    contents = {f"plots/{one.file}": one.wide for section in found for one in section.pictures}
    contents |= {"claims.md": markdown(found).encode(), "claims.html": html(found).encode()}
    for name, content in contents.items():
        write(out / name, writer(content))
    return out / "claims.html"


def html(found: Sequence[Section]) -> str:
    """The claims as one page that needs nothing beside it; all that comes from runs is escaped."""
    sources = [(section.run.info["suite"], source(section.run)) for section in found]
    return render("claims.html", title=TITLE, paper=PAPER, protocol=PROTOCOL, sections=found, sources=sources)


def markdown(found: Sequence[Section]) -> str:
    """The claims as Markdown, suite by suite, each with what it was made with."""
    parts = [f"# {TITLE}", f"{PAPER}. {PROTOCOL}"]
    rows = [
        f"| {one.number} | {one.claim.statement} | {escaped(one.finding.verdict)} |"
        for section in found
        for one in section.tested
    ]
    parts += ["\n".join(["| | claim | verdict |", "|:--|:--|:--|", *rows])]
    for section in found:
        parts += [f"## {escaped(str(section.run.info['title']))}"]
        for one in section.tested:
            said = [f"The paper ({one.claim.place}): {one.claim.paper}", f"Here: {escaped(one.finding.ours)}"]
            parts += [f"### {one.number}. {one.claim.statement}"]
            parts += ["\n".join(f"- {line}" for line in [*said, f"**{escaped(one.finding.verdict)}**"])]
        for drawn in section.pictures:
            parts += [f"![{drawn.caption}](plots/{drawn.file})", drawn.caption]
    parts += ["## What the figures come from"]
    for section in found:
        facts = [
            f"- {key}: {_code(value) if key in COMMANDS else escaped(value)}" for key, value in source(section.run)
        ]
        parts += ["\n".join([f"**{escaped(str(section.run.info['suite']))}**", "", *facts])]
    return "\n\n".join(parts) + "\n"


def source(run: Run) -> list[tuple[str, str]]:
    """What the figures of a run come from: commands, seeds, commits, machine, versions and dates, as text."""
    info, known = run.info, ("commit", "machine", "device", "versions")
    facts = [("command", str(info["command"])), ("seeds", str(info["definition"]["seeds"]))]
    facts += [(key, flat(info[key])) for key in known if info.get(key)] + [("date", str(info["created"]))]
    for command, trim in run.trims.items():
        other = [f"{key} {flat(trim[key])}" for key in known if trim.get(key) != info.get(key)]
        facts += [("trimmed by", command), ("trimmed on", "; ".join([trim["created"], *other]))]
    return facts


def _code(command: str) -> str:
    return f"`{command.replace('`', ' ')}`"
