"""A page for each method, made from its docstring and its declaration."""

import inspect
import re
from dataclasses import dataclass, field

from ..registry.method import METHODS, Method

COSTS = {
    "free": "nothing beyond the training",
    "forward": "forward passes, and work on their outputs or features",
    "gradients": "a few passes over per-sample gradients; for the last layer alone, forward passes",
    "iterative": "many passes, one after the other",
    "fits": "many small fits on the features",
    "trainings": "new trainings of the model",
}
"""Classes of cost and what each takes, the cheapest first."""
SYMBOLS = (
    "n training rows, m validation rows, p selected parameters, T checkpoints, C classes, d features of a row, "
    "g a row's gradient, v the mean gradient of the validation rows. An epoch is a forward and a backward pass over "
    "the training rows."
)
SECTION = re.compile(r"(When|Args|Cost|Raises|Warns)(?: \((\w+)\))?:\s*", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """The parts of a method's docstring.

    Args:
        idea: the first line.
        more: further paragraphs.
        when: in which case to use the method.
        arguments: each parameter's meaning.
        cost: time and memory.
        cost_class: a key of `COSTS`.
        raises: when each error is raised.
        warns: when each warning is given.
    """

    idea: str
    more: str = ""
    when: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    cost: str = ""
    cost_class: str = ""
    raises: dict[str, str] = field(default_factory=dict)
    warns: dict[str, str] = field(default_factory=dict)


def page(method: Method) -> Page:
    """Split a method's docstring into its parts; a part that it lacks is empty."""
    idea, *blocks = (inspect.getdoc(method.function) or "").split("\n\n")
    sections: dict[str, tuple[str, str]] = {}
    more = []
    for block in blocks:
        head = SECTION.match(block)
        if head:
            sections[head[1]] = head[2] or "", block[head.end() :]
        else:
            more.append(_line(block))
    texts = {name: text for name, (_, text) in sections.items()}
    return Page(
        idea=_line(idea),
        more="\n\n".join(more),
        when=_line(texts.get("When", "")),
        arguments=_items(texts.get("Args", "")),
        cost=_line(texts.get("Cost", "")),
        cost_class=sections.get("Cost", ("", ""))[0],
        raises=_items(texts.get("Raises", "")),
        warns=_items(texts.get("Warns", "")),
    )


def markdown(method: Method) -> str:
    """A method's page, as Markdown."""
    parts = page(method)
    lines = [f"## {method.name}", parts.idea, parts.more, f"**When to use it**: {parts.when}" if parts.when else ""]
    facts = [f"- **Family**: {method.family}", f"- **Needs**: {_needs(method)}"]
    if parts.cost:
        cost_class = f" ({parts.cost_class})" if parts.cost_class else ""
        facts.append(f"- **Cost**{cost_class}: {parts.cost}")
    facts += [f"- **Source**: {method.paper}", f"- **Problem**: {parts.arguments.get('problem', 'any')}"]
    lines.append("\n".join(facts))
    if method.arguments:
        rows = [
            f"| `{name}` | `{_cell(str(parameter.default))}` | {_cell(parts.arguments.get(name, ''))} |"
            for name, parameter in method.arguments.items()
        ]
        lines.append("\n".join(["| hyperparameter | default | meaning |", "|---|---|---|", *rows]))
    lines += [f"Refused with `{error}`: {text}" for error, text in parts.raises.items()]
    lines += [f"Warns with `{warning}`: {text}" for warning, text in parts.warns.items()]
    return "\n\n".join(line for line in lines if line) + "\n"


def all_pages() -> str:
    """Every method's page, by family, with a table in front."""
    methods = sorted(METHODS.all().values(), key=lambda method: (method.family, method.name))
    rows = [
        f"| [{method.name}](#{method.name}) | {method.family} | {', '.join(_parts(method))} "
        f"| {page(method).cost_class} | {_cell(method.idea)} |"
        for method in methods
    ]
    table = "\n".join(["| method | family | needs | cost | idea |", "|---|---|---|---|---|", *rows])
    costs = "\n".join(f"- **{name}**: {meaning}." for name, meaning in COSTS.items())
    head = [
        "# Methods",
        "Every method scores each training row; higher is more suspect, or, of pairwise methods, more influential.",
        table,
        f"Costs, the cheapest first:\n\n{costs}",
        SYMBOLS,
    ]
    return "\n\n".join([*head, *map(markdown, methods)])


def exceptions(method: Method, need: str, quote: str = "") -> str:
    """The hyperparameters under which a method does without a need, in words.

    Args:
        method: the method.
        need: a use or the package.
        quote: around each hyperparameter.

    Returns:
        As ` (not with against=training)`; "" if there are none.
    """
    values = [
        f"{'the default ' if method.arguments[name].default == value else ''}{quote}{name}={value}{quote}"
        for name, sparing in method.unless.get(need, {}).items()
        for value in sparing
    ]
    return f" (not with {' or '.join(values)})" if values else ""


def _parts(method: Method) -> list[str]:
    """The parts of a problem that a method needs: classes as labels, and what it uses."""
    return [*(["classes"] if method.classes else []), *sorted(method.uses)]


def _needs(method: Method) -> str:
    """What a method uses and the package that it needs, each with the hyperparameters that spare it."""
    needed = ["classes as labels"] if method.classes else []
    needed += [f"{use}{exceptions(method, use, '`')}" for use in sorted(method.uses)]
    needed += [f"the package {method.package}{exceptions(method, method.package, '`')}"] if method.package else []
    return ", ".join(needed) or "the trained model and its training rows, no more"


def _line(text: str) -> str:
    return " ".join(text.split())


def _items(text: str) -> dict[str, str]:
    """The entries `name: text` of a section, each with its indented lines."""
    entries = re.split(r"^(?:    )?(?=\w+: )", text, flags=re.MULTILINE)
    return {name: _line(rest) for name, _, rest in (entry.partition(": ") for entry in entries if entry.strip())}


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
