"""Parses JSON within limits, so that every later step can rely on them.

Whatever the text, the only exception is `JsonError`, which is an `InputError`. Python's own parser also reads what
later steps cannot take: lists that are nested thousands deep, integers that fit no float, and `1e999`, which becomes
infinity.
"""

from __future__ import annotations

import json
from typing import Any

from bert_qa_tf.errors import InputError

# NumPy's arrays have at most 64 dimensions.
MAX_DEPTH = 64
# Integers of more digits fit no float. Tools write integers beyond 64 bits, such as a `model_max_length` of 10^30.
MAX_DIGITS = 308
_TOO_DEEP = "nested too deeply"


class JsonError(InputError):
    """A text is not JSON, or exceeds a limit.

    Attributes:
      reason: what is wrong, without the file's name; for an exceeded limit, words that follow "JSON".
      offset: where, in characters; None if that is unknown.
      line: the number of the line, from 1; None if unknown.
      column: the number of the character in the line, from 1; None if unknown.
    """

    def __init__(
        self, reason: str, offset: int | None = None, line: int | None = None, column: int | None = None
    ) -> None:
        super().__init__(reason)
        self.reason, self.offset, self.line, self.column = reason, offset, line, column

    @property
    def in_line(self) -> str:
        """The reason with the place in a text that is a single line."""
        return self.reason if self.offset is None else f"{self.reason} at character {self.offset} of the line"


def parse(text: str, *, allow_nan: bool = False) -> Any:
    """Parses JSON.

    Args:
      text: the text, without a byte order mark.
      allow_nan: whether to accept `NaN`, `Infinity` and `-Infinity`, which are not JSON; some programs write them.

    Raises:
      JsonError: this is not JSON, or a limit is exceeded. The message names no file.
    """
    try:
        value = (_LENIENT if allow_nan else _STRICT).decode(text)
    except json.JSONDecodeError as error:
        raise JsonError(error.msg, error.pos, error.lineno, error.colno) from error
    except RecursionError as error:
        raise JsonError(_TOO_DEEP) from error
    check_depth(value)
    return value


def parse_at(place: str, text: str, expected: str, *, allow_nan: bool = False) -> Any:
    """Parses JSON, and names its place if it is none.

    Args:
      place: the file, for the error message; perhaps with the line.
      text: the text, perhaps with a byte order mark.
      expected: what the text should have been, for the error message.
      allow_nan: see `parse`.

    Raises:
      JsonError: this is not JSON, or a limit is exceeded.
    """
    try:
        # Some editors write a byte order mark, which is not part of the JSON.
        return parse(text.removeprefix("\ufeff"), allow_nan=allow_nan)
    except JsonError as error:
        if error.offset is None:
            raise JsonError(f"{place}: JSON {error.reason}, expected {expected}") from error
        where = f"line {error.line} column {error.column} (char {error.offset})"
        raise JsonError(f"{place}: not JSON ({error.reason}: {where}), expected {expected}") from error


def write(value: Any, *, indent: int | None = None) -> str:
    """Returns a value as JSON that UTF-8 can hold.

    Half a surrogate pair, which an id of a question may have, stays an escape. So a text that came as JSON cannot lose
    what was computed for it.
    """
    return escape_surrogates(json.dumps(value, indent=indent, ensure_ascii=False))


def escape_surrogates(text: str) -> str:
    r"""Returns a text that UTF-8 can hold: half a surrogate pair becomes an escape such as `\ud83d`."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def is_too_deep(error: JsonError) -> bool:
    """Returns whether the text is nested too deeply, rather than that a number in it cannot be read."""
    return error.reason == _TOO_DEEP


def encoding_of(content: bytes) -> str:
    """Returns the encoding of JSON by its first bytes: a byte order mark, or zeros among ASCII; else UTF-8."""
    return json.detect_encoding(content)


def make_decoder(*, allow_nan: bool = False) -> json.JSONDecoder:
    """Returns a decoder that keeps the limits on numbers; call `check_depth` on what it returns."""
    return json.JSONDecoder(
        parse_int=_integer, parse_float=_float, parse_constant=float if allow_nan else _refuse_constant
    )


def check_depth(value: Any) -> None:
    """Refuses a value that is nested too deeply.

    Raises:
      JsonError: the value is nested more than `MAX_DEPTH` deep.
    """
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
    if level:
        raise JsonError(_TOO_DEEP)


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise JsonError(f"with an integer of {len(text)} digits, more than {MAX_DIGITS}")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise JsonError(f"with the number {text[:20]}, which is too large")
    return value


def _refuse_constant(name: str) -> float:
    raise JsonError(f"with {name}, which is not a number of JSON")


_STRICT = make_decoder()
_LENIENT = make_decoder(allow_nan=True)
