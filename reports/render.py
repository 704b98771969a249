"""Pages that need no other file, made from templates; all text that they are given is escaped."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from . import style
from .drawing import uri

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **variables: Any) -> str:
    """A page from a template."""
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: tuple[Callable[..., str], ...] = (
        style.amount,
        style.share,
        style.colour,
        style.shade,
        style.ink,
        uri,
        code,
        emphasis,
    )
    jinja.filters |= {function.__name__: function for function in filters}
    return jinja.get_template(template).render(**variables)


def code(text: str) -> Markup:
    """Text in which everything between backticks is code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def emphasis(text: str) -> Markup:
    """Text in which everything between asterisks is emphasised."""
    return Markup(re.sub(r"\*([^*]*)\*", r"<em>\1</em>", str(escape(text))))
