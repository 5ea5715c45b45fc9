"""Checks the parts of a JSON document, and names the place of what is wrong in it.

An error is one line such as `call.json: segments[3].words[2]: expected `start` in seconds, got "soon"`.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS
from bert_qa_tf.storage import json_text

_SHOWN_CHARS = 60
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)s?")


@dataclasses.dataclass(frozen=True)
class JsonPlace:
    """A value and where it stands.

    Attributes:
      value: as `json_text.parse` gives it.
      source: the file, for messages.
      path: from the document's top, such as `segments[3]`; "" for the top.
    """

    value: Any
    source: str
    path: str = ""

    def wrong(self, expected: str, name: str | None = None) -> InputError:
        """An error that says what was expected here, or of the member `name`, and what was found."""
        if name is None:
            return InputError(f"{self}: expected {expected}, got {_shown(self.value)}")
        found = f"got {_shown(self.value[name])}" if self.has(name) else "got none"
        return InputError(f"{self}: expected `{name}` {expected}, {found}")

    def has(self, name: str) -> bool:
        """Whether this is an object with a member `name` that is not null."""
        return isinstance(self.value, Mapping) and self.value.get(name) is not None

    def at(self, name: str) -> JsonPlace:
        """The member `name`, an object.

        Raises:
          InputError: there is none.
        """
        child = JsonPlace(self.value[name] if self.has(name) else None, self.source, self._child(f".{name}"))
        if not isinstance(child.value, Mapping):
            raise child.wrong("an object")
        return child

    def objects(self, name: str | None = None) -> Iterator[JsonPlace]:
        """The entries of the list under `name`, or of this list; none where there is no such member.

        Raises:
          InputError: it is no list, or one of its entries no object.
        """
        entries = self.value if name is None else self.value.get(name)
        path = self._child("" if name is None else f".{name}")
        if entries is None and name is not None:
            return
        if not isinstance(entries, list):
            raise JsonPlace(entries, self.source, path).wrong("a list")
        for index, entry in enumerate(entries):
            child = JsonPlace(entry, self.source, f"{path}[{index}]")
            if not isinstance(entry, Mapping):
                raise child.wrong("an object")
            yield child

    def text(self, *names: str) -> str:
        """The first of these members that is there, a string.

        Raises:
          InputError: none is, or it is no string.
        """
        name = self._first(names) or names[0]
        if not isinstance(self.value.get(name), str):
            raise self.wrong("as text", name)
        return self.value[name]

    def number(self, *names: str) -> float | None:
        """The first of these members that is there, a number or the text of one; None where none is.

        Raises:
          InputError: it is something else, or no finite number.
        """
        name = self._first(names)
        if name is None:
            return None
        try:
            found = float("nan") if isinstance(self.value[name], bool) else float(self.value[name])
        except (TypeError, ValueError, OverflowError):
            found = float("nan")
        if not abs(found) < float("inf"):
            raise self.wrong("as a number", name)
        return found

    def secs(self, *names: str) -> float | None:
        """The first of these members that is there: seconds as a number, as text (`"1.2"`, `"1.200s"`) or in parts.

        Parts are `{"seconds": 1, "nanos": 200000000}`, as protobuf has them.

        Raises:
          InputError: it is something else, or negative.
        """
        name = self._first(names)
        if name is None:
            return None
        value = self.value[name]
        if isinstance(value, Mapping):
            parts = JsonPlace(value, self.source, self._child(f".{name}"))
            found = (parts.number("seconds") or 0.0) + (parts.number("nanos") or 0.0) / 1e9
        elif isinstance(value, str):
            match = _DURATION.fullmatch(value.strip())
            found = float(match[1]) if match else -1.0
        else:
            found = -1.0 if isinstance(value, bool) or not isinstance(value, int | float) else value
        if not 0 <= found <= MAX_SECS:
            raise self.wrong("in seconds", name)
        return float(found)

    def _first(self, names: tuple[str, ...]) -> str | None:
        return next((name for name in names if self.has(name)), None)

    def _child(self, step: str) -> str:
        return (self.path + step).removeprefix(".")

    def __str__(self) -> str:
        return f"{self.source}: {self.path}" if self.path else self.source


def parse_json(text: str, source: str) -> JsonPlace:
    """The top of a JSON document.

    Raises:
      InputError: it is none; names line and column.
    """
    try:
        # Some recognisers write NaN; `number` and `secs` say where.
        return JsonPlace(json_text.parse(text, allow_nan=True), source)
    except json_text.JsonError as error:
        if error.offset is None:
            raise InputError(f"{source}: not JSON that can be read ({error.reason})") from error
        raise InputError(f"{source}:{error.line}: not JSON ({error.reason} at column {error.column})") from error


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"an object with {', '.join(f'`{name}`' for name in list(value)[:5])}" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
