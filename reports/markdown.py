"""Markdown of text and tables from runs; nothing in them counts as markup."""

import pandas as pd


def escaped(text: str) -> str:
    """One line of text without markup, fit for the cell of a table."""
    for mark, plain in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("*", "\\*"), ("`", "\\`")):
        text = text.replace(mark, plain)
    return " ".join(text.split())


def literal(text: str) -> str:
    """Text as code."""
    return f"`{text.replace('`', ' ')}`"


def table(frame: pd.DataFrame) -> str:
    """A table of texts, escaped, without its index."""
    text = frame.astype(str).map(escaped).rename(columns=escaped)
    return text.to_markdown(index=False, disable_numparse=True)
