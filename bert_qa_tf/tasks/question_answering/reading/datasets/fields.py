"""Reads the values of a row of a table: texts, ids, answers and seconds, whatever type their column has.

What has another type than expected is read if nothing is lost by it, and counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bert_qa_tf.tasks.question_answering.reading import answer_forms, field_values, oddities
from bert_qa_tf.tasks.question_answering.reading.answer_forms import Answers
from bert_qa_tf.tasks.question_answering.reading.field_values import OnOdd, Unreadable, is_null, kind_of


def read_text(value: Any, column: str, on_odd: OnOdd) -> str:
    """Returns a text.

    Raises:
      Unreadable: it is none, or it cannot be written as UTF-8.
    """
    if isinstance(value, bytes):
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unreadable(column, "holds bytes that are not UTF-8, expected a string") from error
        on_odd(oddities.TEXT_AS_BYTES, column, "holds bytes, expected a string")
        return text
    if not isinstance(value, str):
        raise Unreadable(column, f"is {kind_of(value)}, expected a string")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Unreadable(column, "holds half a surrogate pair, expected a string") from error
    return value


def read_id(value: Any, column: str, on_odd: OnOdd) -> str | None:
    """Returns an id; None if there is none.

    Raises:
      Unreadable: it is no text and no whole number.
    """
    value = field_values.id_as_text(value, column, on_odd)
    return None if is_null(value) else read_text(value, column, on_odd) or None


def read_answers(row: Mapping[str, Any], column: str, context: str, on_odd: OnOdd) -> Answers:
    """Returns the answers of a column, which holds a struct of lists, a list of structs, or a text.

    Args:
      row: column → value.
      column: its name.
      context: the text that the question is about.
      on_odd: is told what is odd.

    Raises:
      Unreadable: an answer cannot be read.
    """
    value = row[column]
    if isinstance(value, dict) and value.get("text") is None:
        value = value | {"text": []}
    return answer_forms.read_answers({column: _with_texts(value, f"{column}.text", on_odd)}, column, context, on_odd)


def _with_texts(value: Any, path: str, on_odd: OnOdd) -> Any:
    """Returns answers with texts in place of bytes."""
    if isinstance(value, bytes):
        return read_text(value, path, on_odd)
    if isinstance(value, list):
        return [_with_texts(element, path, on_odd) for element in value]
    if isinstance(value, dict):
        return value | {"text": _with_texts(value.get("text"), path, on_odd)}
    return value


def columns_of(value: Any, column: str, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """Returns the elements of a struct of lists, or of a list of structs, each with the fields of the given names.

    A list of the struct that is null, or that the struct does not have, counts as one of nulls.

    Raises:
      Unreadable: it is neither, or the lists have different lengths.
    """
    if isinstance(value, list):
        if not all(isinstance(element, dict) for element in value):
            raise Unreadable(column, f"is a list of other things than structs with {' and '.join(names)}")
        return [tuple(element.get(name) for name in names) for element in value]
    if not isinstance(value, dict):
        raise Unreadable(column, f"is {kind_of(value)}, expected a struct or a list with {' and '.join(names)}")
    lists = {name: value.get(name) for name in names if value.get(name) is not None}
    if not all(isinstance(found, list) for found in lists.values()):
        return [tuple(value.get(name) for name in names)]  # of one element
    lengths = {len(found) for found in lists.values()}
    if len(lengths) > 1:
        found = " and ".join(f"{len(entries)} of {name}" for name, entries in lists.items())
        raise Unreadable(column, f"has {found}, expected as many of each")
    length = lengths.pop() if lengths else 0
    return list(zip(*(lists.get(name, [None] * length) for name in names), strict=True))


def read_secs(
    value: Mapping[str, Any], names: tuple[str, str], column: str, on_odd: OnOdd
) -> list[tuple[float, float]]:
    """Returns the pairs of begin and end in seconds; impossible ones are left out and counted."""
    try:
        pairs = columns_of({name: value.get(name) for name in names}, column, names)
    except Unreadable as unreadable:
        on_odd(oddities.BAD_SECONDS, column, unreadable.reason)
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
