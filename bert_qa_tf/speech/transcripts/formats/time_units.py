"""Finds the unit in which the words or segments of a list count, where their names do not say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bert_qa_tf import odd_items
from bert_qa_tf.odd_items import OddKind
from bert_qa_tf.speech.transcripts.formats.entry_names import Names, first_of
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.json_times import CENTISECONDS, MILLISECONDS, SECONDS
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS

MILLISECOND_TIMES = OddKind(
    "millisecond_times", "transcripts whose times are whole numbers and too long for seconds, read as milliseconds"
)
CENTISECOND_TIMES = OddKind(
    "centisecond_times", "transcripts whose times are whole numbers and too long for seconds, read as hundredths"
)
# Speech has about 15 characters a second, and a word or a caption with whole seconds one at least.
_MIN_CHARS_PER_SEC, _MIN_CHARS_PER_CENTISECOND = 0.5, 0.05
_MIN_SECS = 100


def with_unit(entries: JsonPlace, places: Sequence[JsonPlace], names: Names) -> Names:
    """The names with the unit in which the entries of a list count; one that is no second is counted as odd.

    Args:
      entries: the list.
      places: its entries.
      names: what they call their parts.

    Raises:
      InputError: odd items are refused.
    """
    unit = _unit_of([place.value for place in places], names)
    if unit == SECONDS:
        return names
    kind = MILLISECOND_TIMES if unit == MILLISECONDS else CENTISECOND_TIMES
    odd_items.add(kind, entries.source, entries.path)
    return names.scaled(unit)


def _unit_of(entries: Sequence[Mapping[str, Any]], names: Names) -> float:
    """The unit of times without one in their name: seconds, unless they are whole and nobody speaks as slowly."""
    starts, secs, chars = [], 0, 0
    for entry in entries:
        text, start = first_of(entry, names.texts), first_of(entry, names.starts)
        if text is None or start is None or names.starts[start] != SECONDS or not isinstance(entry[text], str):
            continue
        begins = _whole(entry[start])
        if begins is None:
            return SECONDS
        starts.append(begins)
        chars += len(entry[text])
        end, duration = first_of(entry, names.ends), first_of(entry, names.durations)
        if end is not None:
            secs += max((_whole(entry[end]) or begins) - begins, 0)
        elif duration is not None and names.durations[duration] == SECONDS:
            secs += _whole(entry[duration]) or 0
    secs = secs or (max(starts) - min(starts) if starts else 0)
    if secs <= _MIN_SECS or chars > secs * _MIN_CHARS_PER_SEC:
        return SECONDS
    return CENTISECONDS if chars > secs * _MIN_CHARS_PER_CENTISECOND else MILLISECONDS


def _whole(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)
    # 30.0 is of a tool that counts seconds.
    return value if type(value) is int and abs(value) <= MAX_SECS * MILLISECONDS else None
