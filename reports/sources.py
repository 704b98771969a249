"""Where the figures of a run come from: commands, seeds, code, machine, versions and dates."""

from dataclasses import dataclass
from typing import Any

from ..bench.results.records import Provenance
from ..bench.results.run import Run


@dataclass(frozen=True)
class Fact:
    """A fact about a run, as text for readers.

    Attributes:
        command: whether the text is a command line.
    """

    name: str
    text: str
    command: bool = False


def facts(run: Run) -> list[Fact]:
    """What a reader needs to make the figures of a run again, and those of each command that retrained its models."""
    info, ran = run.info, run.info.provenance
    listed = [
        Fact("command", ran.command, command=True),
        Fact("seeds", str(info.suite.seeds)),
        *_setting(ran),
        Fact("date", ran.created),
    ]
    for command, trim in run.trims.items():
        differing = [f"{fact.name} {fact.text}" for fact in _setting(trim) if fact not in _setting(ran)]
        listed += [
            Fact("trimmed by", command, command=True),
            Fact("trimmed on", "; ".join([trim.created, *differing])),
        ]
    return listed


def _setting(ran: Provenance) -> list[Fact]:
    """What may change the figures from one command to the next."""
    known = {
        "commit": ran.commit,
        "code": ran.code,
        "machine": ran.machine,
        "device": ran.device,
        "workers": ran.workers,
        "threads per worker": ran.threads_per_worker,
        "versions": ran.versions,
    }
    return [Fact(name, _text(value)) for name, value in known.items() if value]


def _text(value: Any) -> str:
    """A value of a record as one line."""
    if not isinstance(value, dict):
        return str(value)
    known = {str(name): content for name, content in value.items() if content is not None}
    return ", ".join(
        f"{name.removesuffix('_bytes')} {content / 1e9:.0f} GB" if name.endswith("_bytes") else f"{name} {content}"
        for name, content in known.items()
    )
