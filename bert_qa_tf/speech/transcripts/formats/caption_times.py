"""Reads the lines of times that captions have, in all ways in which they are written.

Exact ones are `00:01:02.500 --> 00:01:04.000`. Tools and people also leave out the milliseconds, shorten them, put
spaces in, or draw another arrow; there is still one way to read those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddKind, Severity
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS

ARROW = "-->"
# Hours are optional in WebVTT; the decimal mark is a comma in SRT. Both are found the other way round.
TIME = r"(?:(\d{1,5}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_GAP = r"[ \t]{0,3}"
_LOOSE_TIME = (
    rf"(-?){_GAP}(?:(\d{{1,5}}){_GAP}:{_GAP})?(\d{{1,2}}){_GAP}:{_GAP}(\d{{1,2}})"
    rf"(?:{_GAP}[.,]{_GAP}(\d{{1,9}})(?:[.,]\d{{1,20}})?|:(\d{{3}}))?"
)
_ARROWS = r"(?:-{1,3}[ \t]?>|={1,2}>|[–—]>|→)"
# What may follow: where WebVTT puts the caption, or coordinates.
_SETTINGS = r"(?:[^\d:.,].*)?"
_CLOCK = re.compile(r"\d[ \t]{0,3}:[ \t]{0,3}\d")
_MAX_SHOWN = 60

UNUSUAL_TIMES = OddKind("unusual_times", "times written in an unusual way, read as meant")
SHORT_MILLISECONDS = OddKind("short_milliseconds", "times with milliseconds of fewer than three digits, read as meant")
UNTIMED_CAPTIONS = OddKind(
    "untimed_captions", "captions with no time that can be, read without a time", Severity.WARNING
)
UNREADABLE_CAPTIONS = OddKind("unreadable_captions", "captions whose times cannot be read, left out", Severity.WARNING)


class Notation(NamedTuple):
    """The notation of the times of captions in a format.

    Attributes:
      exact: matches a line as it should be; the groups of `TIME` twice.
      loose: matches what can be read as well; the groups of `_LOOSE_TIME` twice.
      is_meant: whether a line is meant as one of times, so that it is no text even if it cannot be read.
      example: for messages.
    """

    exact: re.Pattern[str]
    loose: re.Pattern[str]
    is_meant: Callable[[str], bool]
    example: str


def _is_arrow_line(line: str) -> bool:
    if ARROW in line:
        return _CLOCK.search(line) is not None or line.strip() == ARROW
    return WITH_ARROW.loose.fullmatch(line) is not None


def _is_comma_line(line: str) -> bool:
    return COMMA.loose.fullmatch(line) is not None or _COMMA_BEGINS.match(line) is not None


_COMMA_BEGINS = re.compile(r"\s*\d{1,5}:\d{1,2}:\S{0,12}?,\d{1,5}:\d{1,2}:")
WITH_ARROW = Notation(
    re.compile(rf"\s*{TIME}\s*-->\s*{TIME}{_SETTINGS}"),
    # Without an arrow, only what has all three digits: "10:30 11:00" may be said.
    re.compile(
        rf"\s*{_LOOSE_TIME}(?:\s*{_ARROWS}\s*|(?<=[.,]\d\d\d)[ \t]+(?=\S+[.,]\d\d\d\s*$)){_LOOSE_TIME}(?:\s.*)?"
    ),
    _is_arrow_line,
    "00:01:02.500 --> 00:01:04.000",
)
COMMA = Notation(
    re.compile(rf"\s*{TIME},{TIME}\s*"),
    re.compile(rf"\s*{_LOOSE_TIME.replace('[.,]', '[.]')}\s*,\s*{_LOOSE_TIME.replace('[.,]', '[.]')}\s*"),
    _is_comma_line,
    "0:01:02.500,0:01:04.000",
)


class Span(NamedTuple):
    """The times of one caption; None where it has none that can be, and then why.

    Attributes:
      start_secs: when it appears.
      end_secs: when it goes.
      problem: what was found and what was expected.
      is_readable: whether they are times, if impossible ones.
    """

    start_secs: float | None
    end_secs: float | None
    problem: str = ""
    is_readable: bool = True


def read_spans(lines: Sequence[tuple[int, str]], source: str, notation: Notation) -> list[Span]:
    """Reads the lines of times of a whole file, which together show how it writes milliseconds.

    Args:
      lines: their numbers and texts.
      source: the file, for messages.
      notation: see `Notation`.

    Raises:
      InputError: none of them can be read; names the first.
    """
    found = [_parts(line, notation) for _, line in lines]
    are_millis = _are_millis([part[-1] for parts in found for part in (parts or ())])
    spans = [_span(parts, are_millis, line, notation) for parts, (_, line) in zip(found, lines, strict=True)]
    if spans and not any(span.is_readable for span in spans):
        raise InputError(f"{source}:{lines[0][0]}: {spans[0].problem}")
    for (number, line), parts, span in zip(lines, found, spans, strict=True):
        if span.problem:
            continue  # the caption is counted
        if parts and are_millis and any(len(part[-1]) < 3 for part in parts):
            odd_items.add(SHORT_MILLISECONDS, source, f"line {number}", f"milliseconds without zeros: {_shown(line)!r}")
        elif parts and not notation.exact.fullmatch(line):
            odd_items.add(UNUSUAL_TIMES, source, f"line {number}", wrong_times(line, notation))
    return spans


def wrong_times(line: str, notation: Notation) -> str:
    """Says what was expected in place of a line."""
    return f"expected times such as {notation.example}, got {_shown(line)!r}"


def clock_secs(parts: Sequence[str | None], are_millis: bool = False) -> float | None:
    """Returns a time in seconds; None if it has more than 59 minutes or seconds, or years.

    Args:
      parts: hours, minutes, seconds and their fraction, as `TIME` matched them.
      are_millis: whether a fraction of one or two digits is milliseconds, and not tenths or hundredths.
    """
    hours, minutes, secs, fraction = parts
    if int(minutes) > 59 or int(secs) > 59:
        return None
    fraction = fraction or "0"
    parts_of_secs = int(fraction) if are_millis and len(fraction) < 3 else int(fraction[:3].ljust(3, "0"))
    # One sum of whole milliseconds: 62.345 and not 62.345000000000006.
    millis = ((int(hours or 0) * 60 + int(minutes)) * 60 + int(secs)) * 1000 + parts_of_secs
    return millis / 1000 if millis <= 1000 * MAX_SECS else None


def _parts(line: str, notation: Notation) -> list[tuple[str, ...]] | None:
    """Sign, hours, minutes, seconds and fraction, twice; "" for what is not there. None if they cannot be read."""
    match = notation.exact.fullmatch(line)
    if match:
        groups = [group or "" for group in match.groups()]
        return [("", *groups[:4]), ("", *groups[4:])]
    match = notation.loose.fullmatch(line)
    if not match:
        return None
    groups = [group or "" for group in match.groups()]
    return [(*groups[first : first + 4], groups[first + 4] or groups[first + 5]) for first in (0, 6)]


def _are_millis(fractions: Sequence[str]) -> bool:
    """Returns whether short fractions are milliseconds: there are longer ones too, and none begins with a zero."""
    lengths = {len(fraction) for fraction in fractions if fraction.strip("0")}
    if 3 not in lengths or not lengths & {1, 2}:
        return False
    return not any(fraction[0] == "0" for fraction in fractions if len(fraction) > 1 and fraction.strip("0"))


def _span(parts: list[tuple[str, ...]] | None, are_millis: bool, line: str, notation: Notation) -> Span:
    if not parts:
        return Span(None, None, wrong_times(line, notation), False)
    start, end = (clock_secs(part[1:], are_millis) for part in parts)
    if start is None or end is None:
        return Span(None, None, wrong_times(line, notation), False)
    if any(part[0] for part in parts):
        return Span(None, None, f"begins before the recording: {_shown(line)}")
    if end < start:
        return Span(None, None, f"ends before it starts: {_shown(line)}")
    return Span(start, end)


def _shown(line: str) -> str:
    return line.strip() if len(line.strip()) <= _MAX_SHOWN else line.strip()[:_MAX_SHOWN] + "…"
