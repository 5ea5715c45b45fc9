"""Reads the fields of a row: texts, ids, answers and seconds, whatever type their column has.

What has another type than expected is read if nothing is lost by it, and counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bert_qa_tf.odd_items import OddKind
from bert_qa_tf.tasks.question_answering.examples import Answer
from bert_qa_tf.tasks.question_answering.reading import oddities

# Called with the kind, the column, and what was found.
OnOdd = Callable[[OddKind, str, str], None]

# Of a place in a text, in characters.
_MAX_OFFSET = 2**31 - 1


class Unreadable(Exception):
    """A row cannot be read; the message says what was found and what was expected."""


def is_null(value: Any) -> bool:
    """Returns whether a value is null, or NaN, which pandas writes for it."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def read_text(value: Any, column: str, on_odd: OnOdd) -> str:
    """Returns a text.

    Raises:
      Unreadable: it is none, or it cannot be written as UTF-8.
    """
    if isinstance(value, bytes):
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unreadable(f"{column} holds bytes that are not UTF-8, expected a string") from error
        on_odd(oddities.TEXT_AS_BYTES, column, "holds bytes, expected a string")
        return text
    if not isinstance(value, str):
        raise Unreadable(f"{column} is {_kind(value)}, expected a string")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Unreadable(f"{column} holds half a surrogate pair, expected a string") from error
    return value


def read_id(value: Any, column: str, on_odd: OnOdd) -> str:
    """Returns an id; "" if there is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        on_odd(oddities.NUMERIC_IDS, column, f"is {value}, expected a string")
        return str(value)
    return "" if is_null(value) else read_text(value, column, on_odd)


def read_truth(value: Any, column: str) -> bool:
    """Returns whether something is so; null is False.

    Raises:
      Unreadable: it is neither true nor false.
    """
    if is_null(value):
        return False
    if isinstance(value, bool):
        return value
    raise Unreadable(f"{column} is {_kind(value)}, expected true or false")


def read_answers(value: Any, column: str, on_odd: OnOdd) -> tuple[Answer, ...]:
    """Returns the answers of a column that holds a struct of lists or a list of structs.

    Raises:
      Unreadable: an answer cannot be read.
    """
    if is_null(value):
        on_odd(oddities.NULLS, column, "is null, expected answers")
        return ()
    return tuple(
        Answer(read_text(text, f"{column}.text", on_odd), _read_offset(start, f"{column}.answer_start", on_odd))
        for text, start in columns_of(value, column, ("text", "answer_start"))
        if not is_null(text)
    )


def columns_of(value: Any, column: str, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """Returns the elements of a struct of lists, or of a list of structs, each with the fields of the given names.

    A list of the struct that is null, or that the struct does not have, counts as one of nulls.

    Raises:
      Unreadable: it is neither, or the lists have different lengths.
    """
    if isinstance(value, list):
        if not all(isinstance(element, dict) for element in value):
            raise Unreadable(f"{column} is a list of other things than structs with {' and '.join(names)}")
        return [tuple(element.get(name) for name in names) for element in value]
    if not isinstance(value, dict):
        raise Unreadable(f"{column} is {_kind(value)}, expected a struct or a list with {' and '.join(names)}")
    lists = {name: value.get(name) for name in names if value.get(name) is not None}
    if not all(isinstance(found, list) for found in lists.values()):
        return [tuple(value.get(name) for name in names)]  # a bare answer
    lengths = {len(found) for found in lists.values()}
    if len(lengths) > 1:
        found = " and ".join(f"{len(entries)} of {name}" for name, entries in lists.items())
        raise Unreadable(f"{column} has {found}, expected as many of each")
    length = lengths.pop() if lengths else 0
    return list(zip(*(lists.get(name, [None] * length) for name in names), strict=True))


def read_secs(
    value: Mapping[str, Any], names: tuple[str, str], column: str, on_odd: OnOdd
) -> list[tuple[float, float]]:
    """Returns the pairs of begin and end in seconds; impossible ones are left out and counted."""
    try:
        pairs = columns_of({name: value.get(name) for name in names}, column, names)
    except Unreadable as unreadable:
        on_odd(oddities.BAD_SECONDS, column, str(unreadable))
        return []
    found = []
    for start, end in pairs:
        if are_secs(start, end):
            found.append((float(start), float(end)))
        elif not (is_null(start) and is_null(end)):
            on_odd(oddities.BAD_SECONDS, column, f"has an answer from {start} to {end} seconds")
    return found


def are_secs(start: Any, end: Any) -> bool:
    """Returns whether two values are a begin and an end in seconds."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (start, end))
    return numbers and 0 <= start <= end < math.inf


def _read_offset(value: Any, column: str, on_odd: OnOdd) -> int:
    if is_null(value):
        return -1  # only the text is known
    if isinstance(value, str) and value.strip().removeprefix("-").isdecimal() and len(value) < 12:
        on_odd(oddities.NUMBERS_AS_TEXT, column, f'is "{value}", expected an integer')
        value = int(value)
    elif isinstance(value, float) and value.is_integer():
        on_odd(oddities.WHOLE_FLOATS, column, f"is {value:.12g} with a decimal point, expected an integer")
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _MAX_OFFSET:
        raise Unreadable(f"{column} is {_kind(value)}, expected an integer")
    return value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.12g}"
    kinds = {str: "a string", bytes: "bytes", bool: "true or false", dict: "a struct", list: "a list"}
    return kinds.get(type(value), f"a value of type {type(value).__name__}")
