"""Records: the typed content of a JSON file or of a message between processes."""

import json
from collections.abc import Callable
from dataclasses import asdict, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from .errors import InputError
from .files import read_text, write_json

Kind = TypeVar("Kind")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(form: type[Kind]) -> type[Kind]:
    """Make a class a frozen dataclass whose fields are checked against their types when it is built."""
    return dataclass(form, frozen=True, config=ConfigDict(extra="forbid", strict=True))  # type: ignore[return-value]


def plain(content: Any) -> dict[str, Any]:
    """The fields of a record as dictionaries and lists."""
    return asdict(content)


def line(content: Any) -> str:
    """A record as one line of JSON."""
    return json.dumps(plain(content), ensure_ascii=False).encode("utf-8", "replace").decode()


def parsed(kind: type[Kind], text: str, source: str, mend: str = "") -> Kind:
    """The record that JSON holds.

    Args:
        kind: of record.
        text: the JSON.
        source: where the text is from, for the error.
        mend: what to do about an error.

    Raises:
        InputError: names the first field that is missing, unknown or of the wrong type.
    """
    try:
        content: Kind = _adapter(kind).validate_json(text)
    except ValidationError as error:
        raise InputError(f"{source} {_fault(error)}{mend and f': {mend}'}") from error
    return content


def built(kind: type[Kind], table: Any, source: str) -> Kind:
    """The record that plain Python values hold, as TOML gives them; a list may stand for a tuple.

    Raises:
        InputError: names the first field that is missing, unknown or of the wrong type.
    """
    return parsed(kind, json.dumps(table, default=_no_text), source)


def read(kind: type[Kind], file: Path, mend: str = "") -> Kind:
    """The record in a file.

    Raises:
        InputError: if the file cannot be read, or as `parsed` does.
    """
    return parsed(kind, read_text(file), str(file), mend)


def write(content: Any, file: Path) -> None:
    """Write a record to a file, whole or not at all."""
    write_json(file, plain(content))


def _no_text(value: Any) -> dict[str, str]:
    """A TOML date or time, in a form that no field takes for text."""
    return {type(value).__name__: str(value)}


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def _fault(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    match first["type"]:
        case "missing" | "missing_argument":
            return f"lacks the field {name}"
        case "unexpected_keyword_argument" | "extra_forbidden":
            return f"has an unknown field {name}"
        case "json_invalid":
            return "is not valid JSON"
        case _:
            return f"has a wrong field {name}, {str(first['input'])[:60]!r}: {first['msg'].lower()}"
