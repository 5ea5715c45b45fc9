"""Reads single values of a question, from JSON or from a table: ids, offsets, whether there is no answer.

A value that has another type than SQuAD's is read if nothing is lost by it, and counted: `"73"` and `73.0` are the
offset 73, but `73.5` is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from bert_qa_tf.odd_items import OddKind
from bert_qa_tf.tasks.question_answering.reading import oddities

# Of a place in a text, in characters.
MAX_OFFSET = 2**31 - 1
# Of a whole number as text; more digits are no offset.
_MAX_DIGITS = 10
_TRUTH = {"true": True, "false": False, "1": True, "0": False}
_JSON_TYPES = {dict: "an object", list: "an array", str: "a string", int: "an integer", bool: "true or false"}

# Called with the kind, the place in the question, such as `answers[0]`, and what was found and expected there.
OnOdd = Callable[[OddKind, str, str], None]


class Unreadable(Exception):
    """A value cannot be read; the message names its place, what was found and what was expected.

    Attributes:
      path: the place of the value in the question, such as `answers[0].text`; "" for the question itself.
      reason: what was found and what was expected, such as `is a string, expected an object`.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}".lstrip())
        self.path, self.reason = path, reason


def kind_of(value: Any) -> str:
    """Returns what a value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.12g}"
    return _JSON_TYPES.get(type(value)) or f"a value of type {type(value).__name__}"


def is_null(value: Any) -> bool:
    """Returns whether a value is `null`, or `NaN`, which pandas writes for none."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def read_field(record: Mapping[str, Any], path: str, key: str, kind: type) -> Any:
    """Returns `record[key]`, which must be of type `kind`.

    Args:
      record: an object.
      path: its place; "" for the question itself.
      key: the name of the field.
      kind: its type.

    Raises:
      Unreadable: it is missing or of another type.
    """
    where = f"{path}.{key}" if path else key
    if key not in record:
        raise Unreadable(where, f"is missing, expected {_JSON_TYPES[kind]}")
    value = record[key]
    if not isinstance(value, kind):
        raise Unreadable(where, f"is {kind_of(value)}, expected {_JSON_TYPES[kind]}")
    return value


def id_as_text(value: Any, path: str, on_odd: OnOdd) -> Any:
    """Returns an id that is a whole number as text, and any other value as it is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        on_odd(oddities.NUMERIC_IDS, path, f"is {value}, expected a string")
        return str(value)
    return value


def read_truth(value: Any, path: str, on_odd: OnOdd) -> bool:
    """Returns whether something is so.

    Raises:
      Unreadable: it is neither true nor false in any spelling.
    """
    if isinstance(value, bool):
        return value
    spelled = f"{value:g}" if isinstance(value, int | float) else value
    truth = _TRUTH.get(spelled.strip().lower()) if isinstance(spelled, str) else None
    if truth is None:
        raise Unreadable(path, f"is {kind_of(value)}, expected true or false")
    on_odd(oddities.TRUTH_AS_TEXT, path, f"is {kind_of(value)}, expected true or false")
    return truth


def read_offset(value: Any, path: str, on_odd: OnOdd) -> int | None:
    """Returns where an answer starts, in characters; None if that is unknown.

    Raises:
      Unreadable: it is no whole number, or one that is no place in a text.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if is_null(value):
        return None
    if isinstance(value, str):
        digits = value.strip()
        if not digits.removeprefix("-").removesuffix(".0").isdecimal() or len(digits) > _MAX_DIGITS + 3:
            raise Unreadable(path, "is a string, expected an integer")
        on_odd(oddities.NUMBERS_AS_TEXT, path, f'is "{digits}", expected an integer')
        value = int(digits.removesuffix(".0"))
    elif isinstance(value, float) and value.is_integer():
        on_odd(oddities.WHOLE_FLOATS, path, f"is {value:.12g} with a decimal point, expected an integer")
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unreadable(path, f"is {kind_of(value)}, expected an integer")
    if abs(value) > MAX_OFFSET:
        raise Unreadable(path, f"is a number of {len(str(abs(value)))} digits, expected a place in a text")
    return value
