"""Reads the records of a large JSON file one at a time, whatever holds them.

The records are the elements of an array, of an array in an object (such as SQuAD's `data`), or values one after another
(JSON lines). At most one record and one block of text are in memory; the standard library decodes each record.

    [{…}, {…}]                                     [0], [1]
    {"version": "1.1", "data": [{…}, {…}]}         data[0], data[1]
    {…}⏎{…}                                        line 1, line 2
    {"title": …}                                   the top level
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO, NamedTuple

from bert_qa_tf.storage import json_text

_BLOCK_BYTES = 1 << 20
_MARK_BYTES = 4  # of a byte order mark, at most
_WHITE_SPACE = " \t\n\r"
_AFTER_VALUE = frozenset(f"{_WHITE_SPACE}:,]}}")
WHOLE = "the top level"


class Record(NamedTuple):
    """One record of a file.

    Attributes:
      place: where it is, such as `data[3]` or `line 4`.
      value: the decoded value; None if there is an error.
      error: why a line is not JSON; None if it is.
    """

    place: str
    value: Any
    error: json_text.JsonError | None = None


class NotStreamable(Exception):
    """The file is not JSON. A caller that then parses the whole file can report what is wrong and where."""


class JsonRecords:
    """The records of a file; iterate once.

    Args:
      file: text in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.
      keys: the names of arrays in the top-level object whose elements are records.
      allow_nan: whether `NaN` may stand for a number; some programs write it.
      lines: whether every line is a record; by default, the beginning of the file decides.

    Attributes:
      members: the members of a top-level object beside the arrays; those that are objects or arrays only as long as no
        array of records was found.
      arrays: where the arrays of records are that were found: names in the top-level object, or `WHOLE`.
    """

    def __init__(self, file: BinaryIO, keys: Collection[str], *, allow_nan: bool = False, lines: bool = False) -> None:
        self._text = _Text(file, json_text.make_decoder(allow_nan=allow_nan))
        self._keys = keys
        self._allow_nan = allow_nan
        self._is_lines = lines
        self.members: dict[str, Any] = {}
        self.arrays: list[str] = []

    def __iter__(self) -> Iterator[Record]:
        """Yields the records.

        Raises:
          NotStreamable: the file is not JSON. Some records may have been yielded before.
        """
        text = self._text
        if self._is_lines:
            yield from self._lines()
            return
        if text.peek() == "[":
            self.arrays.append(WHOLE)
            yield from self._elements("")
            if text.peek():
                raise NotStreamable
            return
        first_line = text.line_number()
        yield from self._document()
        last_line = text.line_number()
        has_more = text.peek() != ""
        if not self.arrays:
            yield Record(f"line {first_line}" if has_more else WHOLE, self.members)
        # Records on lines of their own are read line by line, so that one that is damaged costs no other.
        if first_line == last_line < text.line_number():
            yield from self._lines()
        while text.peek():
            place = f"line {text.line_number()}"
            yield Record(place, text.value())

    def _document(self) -> Iterator[Record]:
        text = self._text
        text.expect("{")
        while text.peek() != "}":
            if text.peek() != '"':
                raise NotStreamable
            name = text.value()
            text.expect(":")
            if name in self._keys and text.peek() == "[":
                self.arrays.append(name)
                self._keep_only_small()
                yield from self._elements(name)
            else:
                self.members[name] = text.value()
                if self.arrays:
                    self._keep_only_small()
            if text.peek() == "}":
                break
            text.expect(",")
            if text.peek() == "}":
                raise NotStreamable
        text.expect("}")

    def _keep_only_small(self) -> None:
        self.members = {name: value for name, value in self.members.items() if not isinstance(value, dict | list)}

    def _elements(self, name: str) -> Iterator[Record]:
        text = self._text
        text.expect("[")
        if text.peek() != "]":
            number = 0
            yield Record(f"{name}[0]", text.value())
            while text.peek() == ",":
                text.expect(",")
                number += 1
                yield Record(f"{name}[{number}]", text.value())
        text.expect("]")

    def _lines(self) -> Iterator[Record]:
        number = self._text.line_number()
        while line := self._text.line():
            if not line.isspace():
                try:
                    yield Record(f"line {number}", json_text.parse(line, allow_nan=self._allow_nan))
                except json_text.JsonError as error:
                    yield Record(f"line {number}", None, error)
            number += 1


class _Text:
    """The text of a file, read through a moving window."""

    def __init__(self, file: BinaryIO, decoder: json.JSONDecoder) -> None:
        self._file = file
        self._json_decoder = decoder
        self._decoder: codecs.IncrementalDecoder | None = None
        self._window = ""
        self._position = 0
        self._lines_before = 0
        self._ended = False

    def line_number(self) -> int:
        """Returns the number of the current line, from 1."""
        return 1 + self._lines_before + self._window.count("\n", 0, self._position)

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

    def line(self) -> str:
        """Returns the rest of the current line with its end, and goes to the next; "" at the end of the file."""
        while (end := self._window.find("\n", self._position)) < 0 and self._read():
            pass
        start, self._position = self._position, end + 1 if end >= 0 else len(self._window)
        return self._window[start : self._position]

    def value(self) -> Any:
        """Decodes the next value and reads more of the file until the value is complete."""
        self.peek()
        while True:
            try:
                value, end = self._json_decoder.raw_decode(self._window, self._position)
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
        if self._decoder is None:
            block += self._file.read(max(_MARK_BYTES - len(block), 0))
            self._decoder = codecs.getincrementaldecoder(json_text.encoding_of(block))()
        self._ended = not block
        try:
            text = self._decoder.decode(block, final=self._ended)
        except UnicodeDecodeError as error:
            raise NotStreamable from error
        self._lines_before += self._window.count("\n", 0, self._position)
        self._window = self._window[self._position :] + text
        self._position = 0
        return True
