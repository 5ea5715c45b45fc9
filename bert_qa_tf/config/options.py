"""Defines settings that describe their own flags.

A field made by `option` carries its help text, and `flags.options` makes a flag from it, with the field's type and
default. So a task's settings and their help texts are in the task's own folder.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from bert_qa_tf.config import schema
from bert_qa_tf.errors import InputError

_METADATA = "option"


class _Metadata(NamedTuple):
    text: str
    flag: str | None
    switch: str | None
    expected: str


def option(
    default: Any = dataclasses.MISSING,
    text: str = "",
    *,
    flag: str | None = None,
    switch: str | None = None,
    expected: str = "numbers",
) -> Any:
    """A dataclass field that is also a command's flag, or that groups such fields.

    Args:
      default: the field's default; a field without one must be given. For a nested dataclass, its default instance, or
        None.
      text: the help text.
      flag: the flag's name; by default that of the field.
      switch: for a nested dataclass whose default is None, the flag that turns it on.
      expected: a description of the values of a flag of several numbers, for error messages.
    """
    return dataclasses.field(default=default, metadata={_METADATA: _Metadata(text, flag, switch, expected)})


class Option(NamedTuple):
    """A field that is a flag.

    Attributes:
      name: the flag's name.
      default: the field's default; None if it has none.
      text: the help text.
      kind: `bool`, `int`, `float` or `str`; `tuple` for several words or numbers.
      choices: the values of a `Literal` field; empty if any value is allowed.
    """

    name: str
    default: Any
    text: str
    kind: type
    choices: tuple[str, ...] = ()


def options_of(config: type) -> Iterator[Option]:
    """Yields the options of a config class, including those of nested configs, in the order of the fields."""
    for field, hint in _fields(config):
        if dataclasses.is_dataclass(hint):
            yield from options_of(hint)
        elif _METADATA in field.metadata:
            choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
            kind = str if choices else typing.get_origin(hint) or hint
            default = None if field.default is dataclasses.MISSING else field.default
            yield Option(_flag_of(field), default, field.metadata[_METADATA].text, kind, choices)


def from_options(config: type, values: Mapping[str, Any]) -> Any:
    """Makes a config object; options that are missing in `values` have their defaults.

    Args:
      config: the config class.
      values: flag → value; may contain other flags too.

    Raises:
      InputError: a value is invalid (from the class's own checks).
    """
    return config(**_changes(config, values, lambda field: field.default))


def replace_options(config: Any, values: Mapping[str, Any]) -> Any:
    """Copies a config object with the options in `values` replaced, including those of nested configs.

    Raises:
      InputError: a value is invalid.
    """
    return dataclasses.replace(config, **_changes(type(config), values, lambda field: getattr(config, field.name)))


def from_json(config: type, values: Mapping[str, Any]) -> Any:
    """Makes a config object from the output of `dataclasses.asdict` via JSON; missing fields have their defaults.

    Raises:
      InputError: the values are those of another class.
    """
    return schema.read(config, values, "settings")


def _changes(config: type, values: Mapping[str, Any], current: Callable[[dataclasses.Field], Any]) -> dict[str, Any]:
    """Returns field → value for the options in `values` and for all nested configs."""
    changes = {}
    for field, hint in _fields(config):
        if dataclasses.is_dataclass(hint):
            nested = current(field)
            if nested is None and field.metadata[_METADATA].switch in values:
                nested = from_options(hint, values)
            elif nested is not None:
                nested = replace_options(nested, values)
            changes[field.name] = nested
        elif _METADATA in field.metadata and _flag_of(field) in values:
            changes[field.name] = _converted(field, hint, values[_flag_of(field)])
    return changes


def _flag_of(field: dataclasses.Field) -> str:
    return field.metadata[_METADATA].flag or field.name


def _converted(field: dataclasses.Field, hint: Any, value: Any) -> Any:
    """Converts a flag's value to the field's type; flags of several numbers arrive as strings."""
    if typing.get_origin(hint) is not tuple:
        return value
    kind = typing.get_args(hint)[0]
    try:
        return tuple(kind(part) for part in value)
    except ValueError as error:
        given = ",".join(map(str, value))
        raise InputError(f"--{_flag_of(field)}={given}: expected {field.metadata[_METADATA].expected}") from error


@functools.cache
def _fields(config: type) -> list[tuple[dataclasses.Field, Any]]:
    """The fields of a config class, each with its type without `None`."""
    hints = typing.get_type_hints(config)
    return [(field, _without_none(hints[field.name])) for field in dataclasses.fields(config)]


def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        parts = [part for part in typing.get_args(hint) if part is not type(None)]
        return parts[0] if len(parts) == 1 else hint
    return hint
