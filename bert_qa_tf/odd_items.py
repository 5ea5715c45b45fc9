"""Collects what is odd about input that can still be read, so that one odd item never costs a file.

A reader calls `add` for each odd item, and goes on. A command prints what was collected in one form (`OddItems.lines`),
with a summary in the last line. With `--strict`, the first odd item is refused instead.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import enum
import threading
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from bert_qa_tf.errors import InputError, shortened

_SHOWN_PLACES = 3
# A place may hold a key of JSON, of any length.
_MAX_PLACE_CHARS = 400


class Severity(enum.Enum):
    """The cost of an odd item.

    A note costs nothing: there was one way to read the item. A warning means that something was left out or estimated.
    """

    NOTE = "note"
    WARNING = "warning"


class OddKind(NamedTuple):
    """A kind of odd items; a reader defines each of its kinds once.

    Attributes:
      name: the name in JSON, such as `numeric_ids`.
      text: says what such items are and what was done with them, in the plural: `ids that are numbers, read as text`.
      severity: see `Severity`.
    """

    name: str
    text: str
    severity: Severity = Severity.NOTE


class OddItemRefused(InputError):
    """An odd item was found, and odd items are refused."""


class OddInputWarning(UserWarning):
    """Python's warning about an odd item that was read outside of `collect`."""


@dataclasses.dataclass
class _Found:
    kind: OddKind
    count: int = 0
    places: list[str] = dataclasses.field(default_factory=list)


class OddItems:
    """Counts odd items by kind, with the first places of each kind. Threads may share it.

    Args:
      strict: whether `add` refuses each item.
      max_places: how many places to keep for each kind.
    """

    def __init__(self, strict: bool = False, max_places: int = _SHOWN_PLACES) -> None:
        self.strict = strict
        self._max_places = max_places
        self._found: dict[OddKind, _Found] = {}
        self._lock = threading.Lock()

    def add(self, kind: OddKind, source: str, place: str, detail: str = "", times: int = 1) -> None:
        """Counts an odd item.

        Args:
          kind: its kind.
          source: the file.
          place: the line, the record or the JSON path in the file; "" for the whole file.
          detail: what was found and what was expected, for the refusal; the kind's text by default.
          times: how many such items there are, of which `place` is the first.

        Raises:
          OddItemRefused: odd items are refused.
        """
        where = f"{source}: {place}" if place else source
        if self.strict:
            raise OddItemRefused(f"{where}: {detail or kind.text}")
        with self._lock:
            found = self._found.setdefault(kind, _Found(kind))
            found.count += times
            if len(found.places) < self._max_places:
                found.places.append(shortened(where, _MAX_PLACE_CHARS))

    def merge(self, other: OddItems) -> None:
        """Adds what another one collected, for example in a worker process."""
        with self._lock:
            for kind, more in other._found.items():
                found = self._found.setdefault(kind, _Found(kind))
                found.count += more.count
                found.places += more.places[: max(self._max_places - len(found.places), 0)]

    def counts(self, severity: Severity | None = None) -> dict[str, int]:
        """Returns the number of items of each kind, by the kind's name.

        Args:
          severity: only kinds of this severity; None for all.
        """
        return {kind.name: found.count for kind, found in self._found.items() if severity in (None, kind.severity)}

    def describe(self) -> str:
        """Returns all kinds in one line, such as `captions without a time, left out (2)`; "" if there are none."""
        return "; ".join(f"{found.kind.text} ({found.count:,})" for found in self._sorted())

    def lines(self, severity: Severity | None = None) -> list[str]:
        """Returns a line for each kind, warnings first, and a summary in the last line; no line if there is nothing.

        Args:
          severity: only kinds of this severity; None for all.
        """
        shown = [found for found in self._sorted() if severity in (None, found.kind.severity)]
        if not shown:
            return []
        lines = []
        for found in shown:
            more = ", …" if found.count > len(found.places) else ""
            places = f": {', '.join(found.places)}{more}" if found.places else ""
            lines.append(f"{found.kind.severity.value}: {found.kind.text} ({found.count:,}){places}")
        return [*lines, self.summary(severity)]

    def summary(self, severity: Severity | None = None) -> str:
        """Returns how many items there are of each severity, in one line; "" if there are none.

        Args:
          severity: only kinds of this severity; None for all.
        """
        totals = []
        for of, what in ((Severity.WARNING, "left out or estimated"), (Severity.NOTE, "read as meant")):
            count = sum(self.counts(of).values()) if severity in (None, of) else 0
            if count:
                totals.append(f"{count:,} {what}")
        return f"odd items: {', '.join(totals)}; --strict refuses them" if totals else ""

    def to_json(self) -> list[dict[str, Any]]:
        """Returns an object for each kind: `kind`, `text`, `severity`, `count` and `first`, a list of places."""
        return [
            {
                "kind": found.kind.name,
                "text": found.kind.text,
                "severity": found.kind.severity.value,
                "count": found.count,
                "first": list(found.places),
            }
            for found in self._sorted()
        ]

    def __bool__(self) -> bool:
        return bool(self._found)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    def _sorted(self) -> list[_Found]:
        """Warnings first; within a severity, in the order in which the kinds were found."""
        return sorted(self._found.values(), key=lambda found: found.kind.severity is Severity.NOTE)


# Of a `with collect(…)` block, and of a command, whose threads share it.
_of_block: contextvars.ContextVar[OddItems | None] = contextvars.ContextVar("odd_items", default=None)
_of_command: OddItems | None = None
# What Python has warned about: once for each kind and file.
_warned: set[tuple[OddKind, str]] = set()


@contextlib.contextmanager
def collect(strict: bool = False, max_places: int = _SHOWN_PLACES) -> Iterator[OddItems]:
    """Collects the odd items that this thread reads in the block.

    Args:
      strict: whether to refuse them.
      max_places: how many places to keep for each kind.

    Yields:
      Where they are collected.
    """
    items = OddItems(strict, max_places)
    token = _of_block.set(items)
    try:
        yield items
    finally:
        _of_block.reset(token)


@contextlib.contextmanager
def collect_in_all_threads(items: OddItems) -> Iterator[None]:
    """Collects what any thread of the process reads in the block, outside of a block of its own; for commands."""
    global _of_command
    before, _of_command = _of_command, items
    try:
        yield
    finally:
        _of_command = before


def current() -> OddItems | None:
    """Returns where odd items are collected now; None outside of all blocks."""
    items = _of_block.get()
    return _of_command if items is None else items


def add(kind: OddKind, source: str, place: str, detail: str = "", times: int = 1) -> None:
    """Adds an odd item to the current collection; see `OddItems.add`. Outside of one, it is a Python warning.

    Raises:
      InputError: odd items are refused.
    """
    items = current()
    if items is not None:
        items.add(kind, source, place, detail, times)
    elif (kind, source) not in _warned:
        _warned.add((kind, source))
        warnings.warn(f"{source}: {place}: {detail or kind.text}", OddInputWarning, stacklevel=3)
