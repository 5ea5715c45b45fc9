"""Reads the elements of one large array in a JSON file one at a time.

The file holds an object with an array in it, such as SQuAD's `data`. At most one element and one block of text are in
memory; the standard library decodes each element. Errors carry no details: a caller that then reads the whole file can
report what is wrong and where.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from bert_qa_tf.storage import json_text

_BLOCK_BYTES = 1 << 20
_DECODER = json_text.make_decoder()
_WHITE_SPACE = " \t\n\r"
_AFTER_VALUE = frozenset(f"{_WHITE_SPACE}:,]}}")


class NotStreamable(Exception):
    """The file is not JSON or has no such array."""


def iter_array(file: BinaryIO, key: str) -> Iterator[Any]:
    """Yields the elements of the array `key` in the top-level object.

    Args:
      file: UTF-8 text, with or without a byte order mark.
      key: the array's name in the top-level object.

    Raises:
      NotStreamable: the file is not JSON or has no such array. Some elements may have been yielded before.
    """
    text = _Text(file)
    text.expect("{")
    found = False
    while text.peek() != "}":
        name = text.value()
        text.expect(":")
        if name == key and text.peek() == "[":
            found = True
            yield from _elements(text)
        else:
            text.value()
        if text.peek() == "}":
            break
        text.expect(",")
        if text.peek() != '"':
            raise NotStreamable
    text.expect("}")
    if text.peek() or not found:
        raise NotStreamable


def _elements(text: _Text) -> Iterator[Any]:
    text.expect("[")
    if text.peek() != "]":
        yield text.value()
        while text.peek() == ",":
            text.expect(",")
            yield text.value()
    text.expect("]")


class _Text:
    """The text of a file, read through a moving window."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._window = ""
        self._position = 0
        self._ended = False

    def peek(self) -> str:
        """Returns the next character that is not white space, or "" at the end of the file."""
        while True:
            while self._position < len(self._window):
                character = self._window[self._position]
                if character not in _WHITE_SPACE:
                    return character
                self._position += 1
            if not self._read():
                return ""

    def expect(self, character: str) -> None:
        """Skips white space and then the given character, which must come next."""
        if self.peek() != character:
            raise NotStreamable
        self._position += 1

    def value(self) -> Any:
        """Decodes the next value and reads more of the file until the value is complete."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._window, self._position)
            except (json.JSONDecodeError, RecursionError):
                end = None
            except json_text.JsonError as error:
                # At the end of the window a number may be cut: "-Infinity", or "1e400" of "1e-400".
                if self._ended:
                    raise NotStreamable from error
                end = None
            # A number at the end of the window may be incomplete, so a value must be followed by one of these.
            if end is not None and (self._ended or self._window[end : end + 1] in _AFTER_VALUE):
                self._position = end
                try:
                    json_text.check_depth(value)
                except json_text.JsonError as error:
                    raise NotStreamable from error
                return value
            if not self._read():
                raise NotStreamable

    def _read(self) -> bool:
        if self._ended:
            return False
        # Each block is at least as large as the rest of the window, so a large element is decoded only a few times.
        block = self._file.read(max(_BLOCK_BYTES, len(self._window) - self._position))
        self._ended = not block
        try:
            text = self._decoder.decode(block, final=self._ended)
        except UnicodeDecodeError as error:
            raise NotStreamable from error
        self._window = self._window[self._position :] + text
        self._position = 0
        return True
