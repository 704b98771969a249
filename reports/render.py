"""Pages that need nothing beside them, from templates; all that they are given is escaped."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from . import style
from .drawing import uri
from .trimming.sentences import words

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **given: Any) -> str:
    """A page from a template."""
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    formats: tuple[Callable[..., str], ...] = (
        style.amount,
        style.share,
        style.flat,
        style.colour,
        style.shade,
        style.ink,
        uri,
        words,
        code,
    )
    jinja.filters |= {one.__name__: one for one in formats}
    return jinja.get_template(template).render(**given)


def code(text: str) -> Markup:
    """Text with what stands in backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))
