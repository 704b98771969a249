"""`name[key=value,...]`: how a user asks for a method, a dataset or a model, and which arguments each takes."""

import inspect
import json
import re
import tomllib
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal

from ..errors import InputError, unknown


@dataclass(frozen=True)
class Registered:
    """A function that is registered under a name."""

    name: str
    function: Callable[..., Any]
    word: ClassVar[str] = "argument"

    @property
    def key(self) -> str:
        """What tells the entry from all others of its registry."""
        return self.name

    @property
    def idea(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """The parameters of the function that a user may give."""
        return dict(inspect.signature(self.function).parameters)

    @cached_property
    def hints(self) -> dict[str, Any]:
        """The type of each parameter."""
        return typing.get_type_hints(self.function)

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The given arguments, if each is known and of the right type and none is missing.

        Raises:
            InputError: names the argument and the values that fit.
        """
        for name, value in given.items():
            if not self.arguments:
                raise InputError(f"{self.name} takes no {self.word}s, and so no {name}={value!r}")
            if name not in self.arguments:
                raise unknown(f"{self.word} of {self.name}", name, self.arguments)
            if name not in self.hints:
                raise InputError(f"{self.name}: annotate {name} with its type, so that a value can be checked")
            if not _fits(value, self.hints[name]):
                raise InputError(f"{self.name}: {name}={value!r} does not fit: it must be {_words(self.hints[name])}")
        needed = [name for name, parameter in self.arguments.items() if parameter.default is parameter.empty]
        if not given.keys() >= set(needed):
            raise InputError(
                f"{self.name} needs {' and '.join(needed)}: write {self.name}[{','.join(f'{n}=...' for n in needed)}]"
            )
        return dict(given)

    def typed(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """The checked arguments from the texts of `bracketed`, each read as TOML where the result fits its type."""
        return self.checked({name: _value(text, self.hints.get(name, str)) for name, text in texts.items()})

    def label(self, given: Mapping[str, Any]) -> str:
        """The name for readers, with the arguments that are not defaults."""
        changed = {name: value for name, value in given.items() if value != self.arguments[name].default}
        return (
            f"{self.name}[{','.join(f'{name}={_shown(changed[name])}' for name in sorted(changed))}]"
            if changed
            else self.name
        )


def bracketed(text: str, kind: str) -> tuple[str, dict[str, str]]:
    """The name and the values in `name` or `name[key=value,...]`; a value with a comma stands in quotes or brackets.

    Raises:
        InputError: if it is not of that form.
    """
    form = re.fullmatch(r"([^\[\]]*)(?:\[(.*)\])?", text.strip())
    if form is None:
        raise InputError(f"'{text}' is not a {kind}: write name or name[key=value,key=value]")
    texts = {}
    for pair in pieces(form[2] or "", ","):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals:
            raise InputError(f"'{pair}' in '{text}' is not key=value")
        texts[key] = value
    return form[1].strip(), texts


def pieces(text: str, separators: str) -> list[str]:
    """The parts of a text between separators, except separators in quotes or brackets; empty parts are dropped."""
    depth, quote, words = 0, "", [""]
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        else:
            depth += (character == "[") - (character == "]")
        if character in separators and not quote and depth == 0:
            words.append("")
        else:
            words[-1] += character
    return [word for word in words if word]


def _value(text: str, hint: Any) -> Any:
    try:
        value = tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
    return text if _fits(text, hint) and not _fits(value, hint) else value


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) and set(value) & set(",'\"") else str(value)


def _fits(value: Any, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin is Literal:
        return value in typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        return any(_fits(value, member) for member in typing.get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def _words(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, typing.get_args(hint)))
    if typing.get_origin(hint) in (typing.Union, UnionType):
        return " or ".join(_words(member) for member in typing.get_args(hint) if member is not NoneType)
    return str(getattr(hint, "__name__", hint))
