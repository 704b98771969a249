"""Files that nobody sees half-written, and JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from .errors import InputError


def write(file: Path, content: Callable[[BinaryIO], object]) -> None:
    """Write a file under a temporary name and move it into place, so that nobody sees it half-written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name[:80]}.{uuid4().hex}")
    try:
        with partial.open("xb") as stream:
            content(stream)
        partial.replace(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_bytes(file: Path, content: bytes) -> None:
    """Write bytes in that way."""
    write(file, lambda stream: stream.write(content))


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Write JSON in that way."""
    write_bytes(file, json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8", "replace"))


def read_text(file: Path) -> str:
    """The text of a file.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error


def read_json(file: Path) -> dict[str, Any]:
    """The content of a JSON file.

    Raises:
        InputError: if it is not JSON.
    """
    try:
        content: dict[str, Any] = json.loads(read_text(file))
    except json.JSONDecodeError as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    return content
