"""Reads UTF-8 text files line by line, and JSON lines as examples.

Files may be compressed with gzip. They may also be remote; only then is TensorFlow imported.
"""

from __future__ import annotations

import collections
import json
import typing
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import json_text, packed_text

COMPRESSED = ".gz"
_MAX_LINE_BYTES = 16 * 2**20

_Row = TypeVar("_Row", str, list[str])


def read_lines(path: str) -> Iterator[tuple[int, str]]:
    """Yields the lines of a file with their numbers, which count from 1; line ends are kept.

    Args:
      path: the file, which may be remote; packed with gzip or not.

    Raises:
      InputError: the file cannot be read, is not a complete gzip file, or has a line that is too long or not UTF-8.
    """
    with packed_text.open_text(path, "lines of text") as file:
        # A line of zeros of some gigabytes is a few megabytes of gzip.
        for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE_BYTES + 1), b""), start=1):
            if len(line) > _MAX_LINE_BYTES:
                raise InputError(f"{path}:{number}: a line of more than {_MAX_LINE_BYTES:,} bytes, expected a text")
            yield number, _decoded(path, number, line)


def stripped_lines(path: str) -> Iterator[tuple[int, str]]:
    """Yields the lines of a file, stripped of white space at both ends; see `read_lines`."""
    return ((number, line.strip()) for number, line in read_lines(path))


def filled(rows: Iterable[tuple[int, _Row]], counts: collections.Counter[str]) -> Iterator[tuple[int, _Row]]:
    """Skips empty rows, and counts those that are followed by another row in `counts["empty_lines"]`."""
    empty = 0
    for number, row in rows:
        if not row:
            empty += 1
            continue
        counts["empty_lines"] += empty
        empty = 0
        yield number, row


def parse_object(place: str, line: str, expected: str) -> dict[str, Any]:
    """Parses a line of JSON that must be an object.

    Args:
      place: file and line, for the error message.
      line: the text of the line.
      expected: what the object should be, for the error message.

    Raises:
      InputError: the line is not a JSON object.
    """
    try:
        record = json_text.parse(line)
    except json_text.JsonError as error:
        if error.offset is None:
            raise InputError(f"{place}: JSON {error.reason}, expected {expected}") from error
        raise InputError(f"{place}: not JSON ({error.in_line})") from error
    if not isinstance(record, dict):
        raise InputError(f"{place}: expected {expected}, got {type(record).__name__}")
    return record


def text_value(place: str, record: dict[str, Any], key: str) -> str:
    """Returns the text under a key of an object.

    Raises:
      InputError: there is no text, or it cannot be encoded as UTF-8.
    """
    text = required_value(place, record, key)
    if not isinstance(text, str):
        raise InputError(f"{place}: {key!r} must be a string, got {type(text).__name__}")
    check_unicode(place, key, text)
    return text


def required_value(place: str, record: dict[str, Any], key: str) -> Any:
    """Returns the value under a key of an object.

    Raises:
      InputError: the object has no such key.
    """
    if key not in record:
        raise InputError(f"{place}: no key {key!r}; keys are {', '.join(map(repr, record)) or 'none'}")
    return record[key]


def check_unicode(place: str, key: str, text: str) -> None:
    """Refuses a text that cannot be encoded as UTF-8 and so cannot be stored in a record.

    Raises:
      InputError: the text contains half a surrogate pair.
    """
    # JSON may escape one ("\ud83d"), and Python reads it.
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{place}: {key!r} holds half a surrogate pair at character {error.start}") from error


def read_json_lines(
    path: str, name: str, example_type: type, counts: collections.Counter[str], *, require_labels: bool
) -> Iterator[Any]:
    """Yields the examples of a file of JSON lines, whose keys have the names of an example's fields.

    Args:
      path: the file; see `read_lines`.
      name: the name of the file in ids; the id of an example is `<name>:<line>`.
      example_type: a dataclass with `example_id`, `text`, and any label fields.
      counts: the counters, of which `empty_lines` is increased.
      require_labels: whether every example must have its labels.

    Yields:
      One example for each line that is not empty; at least one.

    Raises:
      InputError: a line is invalid; the message is one line that names file and line, what was found and what was
        expected.
    """
    hints = typing.get_type_hints(example_type)
    # Label field → its types.
    labels = {key: typing.get_args(hint) or (hint,) for key, hint in hints.items() if key not in ("example_id", "text")}
    expected = " and ".join(["an object with a text", *labels])
    found = False
    for number, line in filled(stripped_lines(path), counts):
        place = f"{path}:{number}"
        record = parse_object(place, line, expected)
        text = text_value(place, record, "text")
        if not text.strip():
            raise InputError(f"{place}: the text is empty, expected a sentence")
        values = {key: _label(place, record, key, kinds, require_labels) for key, kinds in labels.items()}
        found = True
        yield example_type(example_id=f"{name}:{number}", text=text, **values)
    if not found:
        raise InputError(f"{path}: holds no example, expected at least one line")


def _label(place: str, record: dict[str, Any], key: str, kinds: tuple[type, ...], required: bool) -> Any:
    label = required_value(place, record, key) if required else record.get(key)
    if label is None and not required:
        return None
    if label is None or not isinstance(label, kinds):
        names = " or ".join(kind.__name__ for kind in kinds if kind is not type(None))
        raise InputError(f"{place}: {key!r} must be {names}, got {json.dumps(label)[:40]}")
    if isinstance(label, str):
        check_unicode(place, key, label)
    return label


def _decoded(path: str, number: int, line: bytes) -> str:
    try:
        # "-sig" skips a byte order mark, which some editors write at the beginning.
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number}: not UTF-8 at byte {error.start} of the line") from error
