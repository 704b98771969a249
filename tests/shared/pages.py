"""The pages that people read: their code blocks, and their tables that are generated from `influence-bench list`.

`python tests/shared/pages.py` writes these tables anew.
"""

import io
import json
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from influence_bench.bench.cli.listing import list_

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PUBLISHED = ROOT / "reports" / "published"
PAGES = [README, *sorted((ROOT / ".github").glob("*.md")), *sorted(PUBLISHED.glob("*.md"))]
TABLE = re.compile(r"(<!-- begin: list (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
COLUMNS = {
    "datasets": ("dataset", "arguments", "kind", "human noise", "licence", "idea", "source"),
    "noises": ("noise", "arguments", "idea"),
    "suites": ("suite", "title", "problems", "seeds"),
    "models": ("model", "epochs", "batch_size", "optimizer", "learning_rate", "schedule", "augment", "idea"),
}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its number there, the words after the fence and the text."""

    page: Path
    number: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.stem}-{self.number}"

    @property
    def file(self) -> str:
        """The file that the block holds, by its first line `# name.py`; "" if it holds none."""
        match = re.match(r"# (\S+\.(?:py|toml))\n", self.text)
        return match[1] if match else ""

    @property
    def commands(self) -> list[str]:
        """The lines of a block of commands."""
        return self.text.splitlines() if self.info.startswith("bash") else []


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    matches = re.findall(r"^```([^\n]*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [Block(page, number, info, text) for number, (info, text) in enumerate(matches)]


def spans(page: Path) -> Iterator[str]:
    """What stands in backticks in the prose of a page, on one line each."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose))


def generated(text: str) -> str:
    """A page with each table between `<!-- begin: list WHAT -->` and `<!-- end -->` as the command lists it now."""
    return TABLE.sub(lambda match: f"{match[1]}{_table(match[2])}\n{match[3]}", text)


def listed(what: str) -> list[dict[str, object]]:
    """What `influence-bench list WHAT --json` prints."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        list_(what, as_json=True)
    entries: list[dict[str, object]] = json.loads(printed.getvalue())
    return entries


def _table(what: str) -> str:
    entries = listed(what)
    if what == "methods":
        families: dict[str, list[str]] = {}
        for entry in entries:
            name = entry["method"]
            families.setdefault(str(entry["family"]), []).append(f"[`{name}`](methods.md#{name})")
        return _markdown(["family", "methods"], [[name, ", ".join(methods)] for name, methods in families.items()])
    first, *others = COLUMNS[what]
    rows = [[f"`{entry[first]}`", *(_cell(entry[column]) for column in others)] for entry in entries]
    return _markdown([column.replace("_", " ") for column in COLUMNS[what]], rows)


def _markdown(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *rows])


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value).replace("|", r"\|")


if __name__ == "__main__":
    for page in PAGES:
        text = page.read_text()
        if (current := generated(text)) != text:
            page.write_text(current)
            print(f"written: {page.relative_to(ROOT)}")
