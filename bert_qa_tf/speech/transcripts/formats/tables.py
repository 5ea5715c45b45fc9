"""Reads tables of segments: Whisper's TSV and CSV (milliseconds), and the labels of Audacity (seconds).

A head line names the columns: `start`, `end`, `text` and perhaps `speaker`. Audacity's labels have none, and times with
a decimal point.
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
from bert_qa_tf.speech.transcripts.formats.stretches import timed_words
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS, Transcript, Word

UNTIMED_ROWS = OddKind("untimed_rows", "rows with no times that can be, read without a time", Severity.WARNING)
SHORT_ROWS = OddKind("short_rows", "rows with too few columns, left out", Severity.WARNING)

_HEAD = re.compile(
    r"\ufeff?\s*\"?start\"?\s*([\t,;])\s*\"?end\"?\s*\1(?:[^\n]*\1)?\s*\"?text\"?\s*(?:\1.*)?", re.IGNORECASE
)
_LABEL = re.compile(r"\d{1,9}[.,]\d{1,9}\t\d{1,9}[.,]\d{1,9}\t.*")


class _Row(NamedTuple):
    number: int
    start: str
    end: str
    text: str
    speaker: str


def is_table(text: str) -> bool:
    """Whether the first line names the columns, or is a label of Audacity."""
    first = next((line for line in text.lstrip().split("\n", 1)), "").rstrip("\r")
    return _HEAD.fullmatch(first) is not None or _LABEL.fullmatch(first) is not None


def read_table(text: str, source: str, counts: Counter[str]) -> Transcript:
    """Reads a table of segments; a row whose times cannot be read keeps its words.

    Raises:
      InputError: naming the line: the columns are others, or no row has times that can be read.
    """
    if not is_table(text):
        first = text.lstrip().split("\n", 1)[0].strip()
        raise InputError(f"{source}:1: expected the columns start, end and text, got {first[:60]!r}")
    rows = list(_rows(text, source))
    # Whisper writes whole milliseconds; what has a decimal point is seconds.
    scale = 1.0 if any(re.search(r"\d[.,]\d", row.start + " " + row.end) for row in rows) else 1000.0
    words: list[Word] = []
    problems = []
    for row in rows:
        start, end = _secs(row.start, scale), _secs(row.end, scale)
        if start is None or end is None or end < start:
            found = f"{row.start[:30]!r} and {row.end[:30]!r}"
            problems.append(f"line {row.number}")
            odd_items.add(UNTIMED_ROWS, source, problems[-1], f"expected a start and an end after it, got {found}")
            start = end = None
        said = timed_words(row.text, start, end)
        words += [dataclasses.replace(word, speaker=row.speaker) for word in said] if row.speaker else said
    if rows and len(problems) == len(rows):
        raise InputError(f"{source}: {problems[0]}: no row has times that can be read")
    return Transcript(tuple(words))


def _rows(text: str, source: str) -> Iterator[_Row]:
    first = text.lstrip().split("\n", 1)[0].rstrip("\r")
    head = _HEAD.fullmatch(first)
    delimiter = head[1] if head else "\t"
    lines = (line + "\n" for _, line in split_lines(text))
    # Whisper's TSV has no quotes; its CSV does.
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, skipinitialspace=delimiter != "\t")
    names = None if head else {"start": 0, "end": 1, "text": 2}
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if names is None:
                names = {field.strip().strip('\ufeff"').lower(): place for place, field in enumerate(fields)}
                continue
            if len(fields) <= max(names["start"], names["end"], names["text"]):
                odd_items.add(SHORT_ROWS, source, f"line {reader.line_num}", f"{len(fields)} columns of {len(names)}")
                continue
            speaker = fields[names["speaker"]].strip() if len(fields) > names.get("speaker", len(fields)) else ""
            yield _Row(reader.line_num, *(fields[names[name]] for name in ("start", "end", "text")), speaker)
    except csv.Error as error:
        raise InputError(f"{source}:{reader.line_num}: not a table ({error})") from error


def _secs(text: str, scale: float) -> float | None:
    try:
        secs = float(text.strip().replace(",", ".")) / scale
    except ValueError:
        return None
    return secs if math.isfinite(secs) and 0 <= secs <= MAX_SECS else None
