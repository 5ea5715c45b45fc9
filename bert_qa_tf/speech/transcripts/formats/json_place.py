"""Checks the parts of a JSON document, and names the place of what is wrong in it.

An error is one line such as `call.json: segments[3].words[2]: expected `text` as text, got 7`. What is wrong with one
entry of a list does not cost the list: it is counted (`odd_items.py`), and left out or estimated.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddItemRefused, OddKind, Severity
from bert_qa_tf.speech.transcripts.formats import json_times
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS

ODD_ENTRIES = OddKind("odd_entries", "entries of another shape in transcripts, left out", Severity.WARNING)
ODD_TIMES = OddKind("odd_times", "times in transcripts that cannot be read, left out or estimated", Severity.WARNING)
INVERTED_TIMES = OddKind(
    "inverted_times",
    "words or segments that end before they start, their times left out or estimated",
    Severity.WARNING,
)
ODD_CONFIDENCES = OddKind("odd_confidences", "confidences that are no numbers, read as none")

_SHOWN_CHARS = 60


@dataclasses.dataclass(frozen=True)
class JsonPlace:
    """A value and where it stands.

    Attributes:
      value: as `json_text.parse` gives it.
      source: the file, for messages.
      path: from the document's top, such as `segments[3]`; "" for the top.
      left_out: what was wrong with the entries that were left out anywhere in the document.
    """

    value: Any
    source: str
    path: str = ""
    left_out: list[InputError] = dataclasses.field(default_factory=list, compare=False, repr=False)

    def wrong(self, expected: str, name: str | None = None) -> InputError:
        """An error that says what was expected here, or of the member `name`, and what was found."""
        if name is None:
            return InputError(f"{self}: expected {expected}, got {_shown(self.value)}")
        found = f"got {_shown(self.value[name])}" if self.has(name) else "got none"
        return InputError(f"{self}: expected `{name}` {expected}, {found}")

    def leave_out(self, error: InputError) -> None:
        """Counts this entry as one that is left out.

        Raises:
          InputError: odd items are refused.
        """
        if isinstance(error, OddItemRefused):
            raise error  # of something in this entry, whose place it names
        self.left_out.append(error)
        self.odd(ODD_ENTRIES, str(error).removeprefix(f"{self}: "))

    def odd(self, kind: OddKind, detail: str) -> None:
        """Counts this value as odd.

        Raises:
          InputError: odd items are refused.
        """
        odd_items.add(kind, self.source, self.path, detail)

    def has(self, name: str) -> bool:
        """Whether this is an object with a member `name` that is not null."""
        return isinstance(self.value, dict) and self.value.get(name) is not None

    def child(self, name: str | int) -> JsonPlace:
        """The member `name`, or the entry of this number; null where there is none."""
        if isinstance(name, int):
            return JsonPlace(self.value[name], self.source, f"{self.path}[{name}]", self.left_out)
        value = self.value.get(name) if isinstance(self.value, dict) else None
        return JsonPlace(value, self.source, f"{self.path}.{name}" if self.path else name, self.left_out)

    def at(self, name: str) -> JsonPlace:
        """The member `name`, an object.

        Raises:
          InputError: there is none.
        """
        child = self.child(name)
        if not isinstance(child.value, dict):
            raise child.wrong("an object")
        return child

    def objects(self, name: str | None = None) -> Iterator[JsonPlace]:
        """The entries of the list under `name`, or of this list; none where there is no such member.

        Entries that are no objects are left out, and counted.

        Raises:
          InputError: it is no list.
        """
        entries = self if name is None else self.child(name)
        if entries.value is None and name is not None:
            return
        if not isinstance(entries.value, list):
            raise entries.wrong("a list")
        for index, entry in enumerate(entries.value):
            child = JsonPlace(entry, self.source, f"{entries.path}[{index}]", self.left_out)
            if isinstance(entry, dict):
                yield child
            else:
                child.leave_out(child.wrong("an object"))

    def text(self, *names: str) -> str:
        """The first of these members that is there, a string.

        Raises:
          InputError: none is, or it is no string.
        """
        name = self._first(names) or names[0]
        if not isinstance(self.value.get(name), str):
            raise self.wrong("as text", name)
        return self.value[name]

    def secs(self, *names: str, unit: float = json_times.SECONDS) -> float | None:
        """The first of these members that is there, a time as `json_times.to_secs` reads it.

        One that cannot be read is None, and counted.
        """
        return self.time(dict.fromkeys(names, unit))

    def time(self, units: Mapping[str, float | None]) -> float | None:
        """The time in the first of these members that is there; see `secs`.

        Args:
          units: of each name, the unit of numbers there; see `json_times.to_secs`.
        """
        value = None
        for name in units:
            value = self.value.get(name)
            if value is not None:
                break
        else:
            return None
        if type(value) is float and value >= 0 and units[name] == json_times.SECONDS and value <= MAX_SECS:
            return value  # as most are
        if units[name] is None and isinstance(value, int | float):
            return None
        found = json_times.to_secs(value, units[name])
        if found is None:
            self.odd(ODD_TIMES, f"expected `{name}` as a time, got {_shown(value)}")
        return found

    def in_order(self, start_secs: float | None, end_secs: float | None) -> tuple[float | None, float | None]:
        """These times of this entry; none, and counted, where it would end before it starts."""
        if start_secs is not None and end_secs is not None and end_secs < start_secs:
            self.odd(INVERTED_TIMES, f"ends at {end_secs} s, before it starts at {start_secs} s")
            return None, None
        return start_secs, end_secs

    def confidence(self, *names: str) -> float | None:
        """The first of these members that is there, a number or the text of one; None, counted, if it is none."""
        name = self._first(names)
        if name is None:
            return None
        value = self.value[name]
        try:
            found = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            found = float("nan")
        if not abs(found) < float("inf"):
            self.odd(ODD_CONFIDENCES, f"expected `{name}` as a number, got {_shown(value)}")
            return None
        return found

    def _first(self, names: Any) -> str | None:
        for name in names:
            if self.value.get(name) is not None:
                return name
        return None

    def __str__(self) -> str:
        return f"{self.source}: {self.path}" if self.path else self.source


def documents(top: JsonPlace) -> Iterator[JsonPlace]:
    """The objects of a file: one, or those of a list."""
    if isinstance(top.value, dict):
        yield top
    else:
        yield from top.objects()


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"an object with {', '.join(f'`{name}`' for name in list(value)[:5])}" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
