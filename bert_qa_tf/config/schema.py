"""Checks what a JSON file of this package holds against types, and makes objects of it.

A damaged or foreign file so gives one line, such as `best.json: expected `step` as a whole number, got "soon"`.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from bert_qa_tf.errors import InputError

_NAMES = {int: "a whole number", float: "a number", str: "a string", bool: "true or false", type(None): "null"}
_LARGEST = 2**63 - 1  # what NumPy and TensorFlow can hold
_MAX_SHOWN = 60


def read(kind: Any, value: Any, place: str, *, lenient: bool = False) -> Any:
    """Converts a JSON value to a type.

    Args:
      kind: `int`, `float`, `bool`, `str`, `Any`, a `Literal`, `tuple[…]`, `list[…]`, `dict[str, …]`, a union of these,
        or a dataclass whose fields have such types. An object becomes a dataclass; fields that are missing in it have
        their defaults.
      value: what `json_text.parse` returned.
      place: the file and perhaps a place in it, for the error message.
      lenient: whether an object may have keys that the outer dataclass has no field for; they are ignored.

    Raises:
      InputError: the value has another type, is out of the range of 64 bits, or a dataclass refuses its values.
    """
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, place, lenient)
    origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _union(arguments, value, place)
    if origin is Literal:
        if not isinstance(value, str | int) or value not in arguments:
            raise wrong(place, f"one of {', '.join(map(str, arguments))}", value)
        return value
    if origin in (tuple, list):
        return origin(_entries(origin, arguments, value, place))
    if origin in (dict, Mapping, collections.abc.Mapping):
        if not isinstance(value, dict):
            raise wrong(place, "an object", value)
        inner = arguments[1] if arguments else Any
        return {key: read(inner, entry, _member(place, key)) for key, entry in value.items()}
    return _scalar(kind, value, place)


def member(kind: Any, values: Mapping[str, Any], name: str, place: str) -> Any:
    """Converts a required member of an object; see `read`.

    Raises:
      InputError: there is no such member, or it has another type.
    """
    if name not in values:
        raise InputError(f"{place}: `{name}` is missing")
    return read(kind, values[name], _member(place, name))


def wrong(place: str, expected: str, value: Any) -> InputError:
    """Returns an error that says what was expected at a place, and what was found."""
    if isinstance(value, dict | list):
        found = f"an object with {len(value)} keys" if isinstance(value, dict) else f"a list of {len(value)}"
    else:
        text = json.dumps(value, ensure_ascii=False, default=repr)
        found = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
    return InputError(f"{place}: expected {expected}, got {found}")


def _member(place: str, name: str) -> str:
    return f"{place}: `{name[:_MAX_SHOWN]}`"


def _dataclass(kind: type, value: Any, place: str, lenient: bool) -> Any:
    if not isinstance(value, dict):
        raise wrong(place, "an object", value)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    unknown = [name for name in value if name not in fields]
    if unknown and not lenient:
        raise InputError(f"{place}: unknown `{unknown[0][:_MAX_SHOWN]}`, expected {', '.join(fields)}")
    hints = _hints(kind)
    found = {name: read(hints[name], value[name], _member(place, name)) for name in fields if name in value}
    missing = [name for name, field in fields.items() if name not in found and _is_required(field)]
    if missing:
        raise InputError(f"{place}: `{missing[0]}` is missing")
    try:
        return kind(**found)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _union(kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    error = None
    for kind in kinds:
        try:
            return read(kind, value, place)
        except InputError as refused:
            error = refused if error is None or kind is not type(None) else error
    # Of `int | None`, the message about the number says more.
    raise error if len(kinds) == 2 and type(None) in kinds else wrong(place, "another type", value)


def _entries(origin: type, kinds: tuple[Any, ...], value: Any, place: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise wrong(place, "a list", value)
    if origin is list or (len(kinds) == 2 and kinds[1] is Ellipsis):
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise wrong(place, f"a list of {len(kinds)}", value)
    return [
        read(kind, entry, f"{place}[{index}]") for index, (kind, entry) in enumerate(zip(kinds, value, strict=True))
    ]


def _scalar(kind: type, value: Any, place: str) -> Any:
    # In Python true is an integer; in JSON it is not.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float:
        fits = is_number and abs(value) < 1e300 and math.isfinite(value)
    elif kind is int:
        fits = is_number and isinstance(value, int) and abs(value) <= _LARGEST
    else:
        fits = isinstance(value, kind)
    if not fits:
        raise wrong(place, _NAMES.get(kind, kind.__name__), value)
    return float(value) if kind is float else value
