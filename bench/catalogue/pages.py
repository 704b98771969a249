"""A page for each method, generated from its docstring and its signature."""

import inspect
import re
from dataclasses import dataclass, field

from ..registry.method import METHODS, Method

COSTS = {
    "free": "nothing beyond the training",
    "forward": "forward passes, and what is done with outputs or features",
    "gradients": "a few passes over per-sample gradients; of the last layer alone these are forward passes",
    "iterative": "many passes, one after the other",
    "fits": "many small fits on the features",
    "trainings": "new trainings of the model",
}
"""Classes of cost, the cheapest first."""
SYMBOLS = (
    "n training rows, m validation rows, p selected parameters, T checkpoints, C classes, d features of a row, "
    "g a row's gradient, v the mean gradient of the validation rows. An epoch is a forward and a backward pass over "
    "the training rows."
)
SECTION = re.compile(r"(When|Args|Cost|Raises|Warns)(?: \((\w+)\))?:\s*", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """What a docstring says: the idea, more of it, when to use the method, its arguments, what it costs and refuses."""

    idea: str
    more: str = ""
    when: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    cost: str = ""
    cost_class: str = ""
    raises: dict[str, str] = field(default_factory=dict)
    warns: dict[str, str] = field(default_factory=dict)


def page(method: Method) -> Page:
    """The parts of a method's docstring; a part that is not there is empty."""
    idea, *blocks = (inspect.getdoc(method.function) or "").split("\n\n")
    said: dict[str, tuple[str, str]] = {}
    more = []
    for block in blocks:
        head = SECTION.match(block)
        if head:
            said[head[1]] = head[2] or "", block[head.end() :]
        else:
            more.append(_line(block))
    texts = {name: text for name, (_, text) in said.items()}
    return Page(
        idea=_line(idea),
        more="\n\n".join(more),
        when=_line(texts.get("When", "")),
        arguments=_items(texts.get("Args", "")),
        cost=_line(texts.get("Cost", "")),
        cost_class=said.get("Cost", ("", ""))[0],
        raises=_items(texts.get("Raises", "")),
        warns=_items(texts.get("Warns", "")),
    )


def markdown(method: Method) -> str:
    """A method's page."""
    told = page(method)
    lines = [f"## {method.name}", told.idea, told.more, f"**When to use it**: {told.when}" if told.when else ""]
    facts = [f"- **Family**: {method.family}", f"- **Needs**: {_needs(method)}"]
    if told.cost:
        facts.append(f"- **Cost** ({told.cost_class}): {told.cost}" if told.cost_class else f"- **Cost**: {told.cost}")
    facts += [f"- **Source**: {method.paper}", f"- **Problem**: {told.arguments.get('problem', 'any')}"]
    lines.append("\n".join(facts))
    if method.arguments:
        rows = [
            f"| `{name}` | `{_cell(str(parameter.default))}` | {_cell(told.arguments.get(name, ''))} |"
            for name, parameter in method.arguments.items()
        ]
        lines.append("\n".join(["| hyperparameter | default | meaning |", "|---|---|---|", *rows]))
    lines += [f"Refused with `{error}`: {text}" for error, text in told.raises.items()]
    lines += [f"Warns with `{warning}`: {text}" for warning, text in told.warns.items()]
    return "\n\n".join(line for line in lines if line) + "\n"


def all_pages() -> str:
    """Every method's page in one, by family, with a table in front."""
    methods = sorted(METHODS.all().values(), key=lambda method: (method.family, method.name))
    rows = [
        f"| [{method.name}](#{method.name}) | {method.family} | {', '.join(sorted(method.uses))} "
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


def _needs(method: Method) -> str:
    """What a method uses, and under which hyperparameters it does without."""
    needed = [_unless(method, use, use) for use in sorted(method.uses)]
    needed += [_unless(method, method.package, f"the package {method.package}")] if method.package else []
    return ", ".join(needed) or "the trained model and its training rows, no more"


def _unless(method: Method, need: str, words: str) -> str:
    """A need with the values of hyperparameters that spare it: `validation (not with against=training)`."""
    spared = [
        f"`{name}={value}`" + (", the default" if method.arguments[name].default == value else "")
        for name, values in (method.unless or {}).get(need, {}).items()
        for value in (values if isinstance(values, tuple) else (values,))
    ]
    return f"{words} (not with {' or '.join(spared)})" if spared else words


def _line(text: str) -> str:
    return " ".join(text.split())


def _items(text: str) -> dict[str, str]:
    """`name: text` of each line, with what is indented below it."""
    entries = re.split(r"^(?:    )?(?=\w+: )", text, flags=re.MULTILINE)
    return {name: _line(rest) for name, _, rest in (entry.partition(": ") for entry in entries if entry.strip())}


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
