"""Reads the times and the labels of recognisers' JSON, in all the forms that they have."""

from __future__ import annotations

import re
from typing import Any

from bert_qa_tf.speech.transcripts.transcript import MAX_SECS

# How many of each make a second; dividing by them rounds once.
SECONDS, CENTISECONDS, MILLISECONDS, TICKS, _NANOSECONDS = 1.0, 1e2, 1e3, 1e7, 1e9

_NUMBER = r"\d{1,400}(?:\.\d*)?|\.\d+"
_PLAIN = re.compile(rf"({_NUMBER})(s?)")
_ISO_8601 = re.compile(rf"P(?:(\d{{1,9}})D)?T(?:(\d{{1,9}})H)?(?:(\d{{1,9}})M)?(?:({_NUMBER})S)?")
_CLOCK = re.compile(r"(?:(\d{1,9}):)?(\d{1,9}):(\d{1,9}(?:[.,]\d*)?)")

_OF_DAY = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


def to_secs(value: Any, unit: float | None = SECONDS) -> float | None:
    """Returns a time in seconds; None if the value is none, or one beyond any recording.

    >>> to_secs("00:01:02.5"), to_secs("PT1M2.5S"), to_secs("62.5s"), to_secs({"seconds": 62, "nanos": 500000000})
    (62.5, 62.5, 62.5, 62.5)

    Args:
      value: a number, the text of one, a duration of protobuf (`"1.2s"`, or its parts), of ISO 8601, or of a clock.
      unit: how many of a number's unit make a second; None where only texts and parts have a unit.
    """
    found = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        found = None if unit is None else value / unit
    elif isinstance(value, str):
        found = _text_to_secs(value.strip(), unit)
    elif isinstance(value, dict) and value.keys() & {"seconds", "nanos"}:
        seconds, nanos = to_secs(value.get("seconds") or 0), to_secs(value.get("nanos") or 0, _NANOSECONDS)
        found = None if seconds is None or nanos is None else seconds + nanos
    # NaN compares false with everything.
    return float(found) if found is not None and 0 <= found <= MAX_SECS else None


def _text_to_secs(text: str, unit: float | None) -> float | None:
    if match := _PLAIN.fullmatch(text):
        return float(match[1]) if match[2] else None if unit is None else float(match[1]) / unit
    if match := _CLOCK.fullmatch(text):
        hours, minutes, secs = match.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(secs.replace(",", "."))
    match = _ISO_8601.fullmatch(text)
    if match and any(match.groups()):
        days, hours, minutes, secs = match.groups()
        return (int(days or 0) * 24 + int(hours or 0)) * 3600 + int(minutes or 0) * 60 + float(secs or 0)
    return None


def is_of_clock(text: str) -> bool:
    """Returns whether a text is a time such as `1:02.5`, or one of a day."""
    return _CLOCK.fullmatch(text.strip()) is not None or _OF_DAY.match(text) is not None


def to_label(value: Any, kind: str) -> str | None:
    """Returns the name of a speaker or a channel; None if there is none.

    >>> to_label("Ana", "speaker"), to_label(0, "speaker"), to_label("1", "channel"), to_label("", "speaker")
    ('Ana', 'speaker 0', 'channel 1', None)

    Args:
      value: a name, a number, an object with a name or a number, or a list that begins with one.
      kind: stands before a number.
    """
    if isinstance(value, dict):
        names = (value.get(key) for key in ("name", "display_name", "displayName", "label", "id"))
        return next((label for name in names if (label := to_label(name, kind))), None)
    if isinstance(value, list):
        return to_label(value[0], kind) if value and not isinstance(value[0], list) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    name = " ".join(value.split())
    if name.lower() in _NO_LABEL:
        return None
    return f"{kind} {name}" if name.removeprefix("-").isdecimal() else name


# Speechmatics writes UU where it knows no speaker, Vosk's `vosk-transcriber` unknown.
_NO_LABEL = ("", "uu", "unknown", "none", "null")
