"""Reads tables of segments: Whisper's TSV and CSV (milliseconds), and the labels of Audacity (seconds).

A head line names the columns: `start`, `end`, `text` and perhaps `speaker`, or nearly so, in any order. Audacity's
labels have none, and times with a decimal point. Times may be those of a clock, `0:01:02.5`.
"""

from __future__ import annotations

import csv
import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddKind, Severity
from bert_qa_tf.speech.transcripts.formats.captions import split_lines
from bert_qa_tf.speech.transcripts.formats.json_times import to_secs
from bert_qa_tf.speech.transcripts.formats.stretches import timed_words
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS, Transcript, Word

UNTIMED_ROWS = OddKind("untimed_rows", "rows with no times that can be, read without a time", Severity.WARNING)
SHORT_ROWS = OddKind("short_rows", "rows with too few columns, left out", Severity.WARNING)

# Names of columns, without spaces and underscores → what is in them.
_NAMES = {
    **dict.fromkeys(("start", "starttime", "begin"), "start"),
    **dict.fromkeys(("end", "endtime"), "end"),
    **dict.fromkeys(("text", "transcript", "caption", "subtitle", "sentence", "content"), "text"),
    **dict.fromkeys(("speaker", "speakername"), "speaker"),
}
_WHISPERS = {"start", "end", "text"}
_LABEL = re.compile(r"\d{1,9}[.,]\d{1,9}\t\d{1,9}[.,]\d{1,9}\t.*")


class _Row(NamedTuple):
    number: int
    start: str
    end: str
    text: str
    speaker: str


def is_table(text: str) -> bool:
    """Returns whether the first line names the columns, or is a label of Audacity."""
    first = next((line for line in text.lstrip().split("\n", 1)), "").rstrip("\r")
    return _head_of(first) is not None or _LABEL.fullmatch(first) is not None


class _Head(NamedTuple):
    delimiter: str
    columns: dict[str, int]  # what is in them → their place
    is_whispers: bool


def _head_of(line: str) -> _Head | None:
    """Returns what a line says of the columns; None if it names no start, end and text."""
    for delimiter in "\t,;":
        names = [name.strip().strip('\ufeff"').strip().lower() for name in line.split(delimiter)]
        columns: dict[str, int] = {}
        for place, name in enumerate(names):
            if (meaning := _NAMES.get(re.sub(r"[ _]", "", name))) is not None:
                columns.setdefault(meaning, place)
        if columns.keys() >= _WHISPERS:
            return _Head(delimiter, columns, set(names) >= _WHISPERS)
    return None


def read_table(text: str, source: str, counts: Counter[str]) -> Transcript:
    """Reads a table of segments; a row whose times cannot be read keeps its words.

    Raises:
      InputError: naming the line: the columns are others, or no row has times that can be read.
    """
    if not is_table(text):
        first = text.lstrip().split("\n", 1)[0].strip()
        raise InputError(f"{source}:1: expected the columns start, end and text, got {first[:60]!r}")
    first = text.lstrip().split("\n", 1)[0].rstrip("\r")
    head = _head_of(first)
    rows = list(_rows(text, source, head))
    # What has a decimal point is seconds. Whisper writes whole milliseconds; of others, nobody knows what they are.
    scale = 1000.0 if head is None or head.is_whispers else None
    if any(re.search(r"\d[.,]\d", row.start + " " + row.end) for row in rows):
        scale = 1.0
    words: list[Word] = []
    problems: list[str] = []
    for row in rows:
        start, end = _secs(row.start, scale), _secs(row.end, scale)
        if start is None or end is None or end < start:
            found = f"{row.start[:30]!r} and {row.end[:30]!r}"
            place = f"line {row.number}"
            problems.append(f"{place}: no row has times that can be read, got {found}")
            odd_items.add(UNTIMED_ROWS, source, place, f"expected a start and an end after it, got {found}")
            start = end = None
        said = timed_words(row.text, start, end)
        words += [dataclasses.replace(word, speaker=row.speaker) for word in said] if row.speaker else said
    if rows and len(problems) == len(rows):
        raise InputError(f"{source}: {problems[0]}")
    return Transcript(tuple(words))


def _rows(text: str, source: str, head: _Head | None) -> Iterator[_Row]:
    delimiter = head.delimiter if head else "\t"
    lines = (line + "\n" for _, line in split_lines(text))
    # Whisper's TSV has no quotes; its CSV does.
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, skipinitialspace=delimiter != "\t")
    names = head.columns if head else {"start": 0, "end": 1, "text": 2}
    is_head = head is not None
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if is_head:
                is_head = False
                continue
            if len(fields) <= max(names["start"], names["end"], names["text"]):
                odd_items.add(SHORT_ROWS, source, f"line {reader.line_num}", f"{len(fields)} columns of {len(names)}")
                continue
            speaker = fields[names["speaker"]].strip() if len(fields) > names.get("speaker", len(fields)) else ""
            yield _Row(reader.line_num, *(fields[names[name]] for name in ("start", "end", "text")), speaker)
    except csv.Error as error:
        raise InputError(f"{source}:{reader.line_num}: not a table ({error})") from error


def _secs(text: str, scale: float | None) -> float | None:
    if ":" in text:
        return to_secs(text)
    if scale is None:
        return None
    try:
        secs = float(text.strip().replace(",", ".")) / scale
    except ValueError:
        return None
    return secs if math.isfinite(secs) and 0 <= secs <= MAX_SECS else None
