"""Reads text whose lines begin with a time: LRC, the lyrics of music players, and what programs print.

LRC has `[mm:ss.xx]`, several of them before a line that is said again, `<mm:ss.xx>` before single words, and tags such
as `[ar:…]`. Whisper's programs print `[00:00.000 --> 00:02.500]  text`; transcripts by hand have `[00:01:02] text`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddKind, Severity
from bert_qa_tf.speech.transcripts.formats.caption_times import clock_secs
from bert_qa_tf.speech.transcripts.formats.captions import split_lines
from bert_qa_tf.speech.transcripts.formats.started_lines import StartedLine, started_words
from bert_qa_tf.speech.transcripts.formats.stretches import timed_words
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word

UNTIMED_LINES = OddKind("untimed_lines", "lines with no time that can be, read without a time", Severity.WARNING)

_TAG = re.compile(r"\[(?:ar|ti|al|au|by|re|ve|la|id|tool|length|offset|encoding|#)[ \t]*:([^\]]*)\]", re.IGNORECASE)
_CLOCK = r"(?:\d{1,3}:)?\d{1,3}:\d{1,2}(?:[.,:]\d{1,3})?"
_STAMPS = re.compile(rf"\s*((?:\[[ \t]*{_CLOCK}[ \t]*\][ \t]*)+)(.*)")
_STAMP = re.compile(r"\[[ \t]*([\d:.,]+)[ \t]*\]")
_WORD_STAMP = re.compile(rf"<[ \t]*({_CLOCK})[ \t]*>")
_PRINTED = re.compile(rf"\s*\[[ \t]*({_CLOCK})[ \t]*-->[ \t]*({_CLOCK})[ \t]*\][ \t]*(.*)")
_MAX_SAID_AGAIN = 100_000
_MIN_STAMPED = 2
_MIN_STAMPED_SHARE = 0.5


def is_lrc(text: str) -> bool:
    """Returns whether text begins as LRC does: with a tag, or a time with a fraction in brackets."""
    first = next((line for line in text.split("\n", 50) if line.strip()), "")
    match = _STAMPS.match(first)
    stamp = _STAMP.search(match[1])[1] if match else ""
    return _TAG.match(first.strip()) is not None or re.fullmatch(r"\d{1,3}:\d{2}\.\d{2,3}", stamp) is not None


def is_stamped(text: str) -> bool:
    """Returns whether most lines begin with a time in brackets."""
    lines = [line for _, line in split_lines(text) if line.strip()]
    stamped = sum(1 for line in lines if _PRINTED.match(line) or _STAMPS.match(line))
    return stamped >= max(_MIN_STAMPED, _MIN_STAMPED_SHARE * len(lines))


def read_lrc(text: str, source: str, counts: Counter[str]) -> Transcript:
    """Reads LRC.

    Raises:
      InputError: no line begins with a time, or lines are said again too often.
    """
    lines, shift, said = [], 0.0, 0
    for number, line in split_lines(text):
        tag = _TAG.fullmatch(line.strip())
        if tag:
            # Positive ones show the lyrics sooner.
            shift = -_offset_secs(tag[1]) if line.strip()[1:7].lower() == "offset" else shift
            continue
        match = _STAMPS.fullmatch(line)
        if not match:
            if line.strip():
                odd_items.add(
                    UNTIMED_LINES, source, f"line {number}", f"expected [mm:ss.xx], got {line.strip()[:60]!r}"
                )
                lines.append(StartedLine(None, [(None, line)]))
            continue
        for stamp in _STAMP.finditer(match[1]):
            start = _secs(stamp[1], is_lrc=True)
            if start is None:
                odd_items.add(UNTIMED_LINES, source, f"line {number}", f"expected a time, got {stamp[0]!r}")
            lines.append(StartedLine(start, list(_parts(match[2]))))
            said += len(match[2]) // 8 + 1
            if said > _MAX_SAID_AGAIN + len(text):
                raise InputError(f"{source}:{number}: more lines are said again than lyrics have")
    if not any(line.start_secs is not None for line in lines):
        raise InputError(f"{source}: no line begins with a time, expected lines such as [00:12.50]text")
    return Transcript(tuple(started_words([_shifted(line, shift) for line in _in_order(lines)])))


def read_stamped(text: str, source: str, counts: Counter[str]) -> Transcript:
    """Reads text whose lines begin with a time in brackets; a line without one goes on with the one before.

    Raises:
      InputError: no line begins with a time.
    """
    found: list[tuple[float | None, float | None, list[str]]] = []
    for number, line in split_lines(text):
        printed = _PRINTED.fullmatch(line)
        match = None if printed else _STAMPS.fullmatch(line)
        if printed:
            start, end = _secs(printed[1]), _secs(printed[2])
            said = printed[3]
        elif match:
            start, end, said = _secs(_STAMP.search(match[1])[1]), None, match[2]
        else:
            if found:
                found[-1][2].append(line)
            elif line.strip():
                found.append((None, None, [line]))
            continue
        if start is None or (end is not None and end < start) or (printed and end is None):
            odd_items.add(UNTIMED_LINES, source, f"line {number}", f"expected times, got {line.strip()[:60]!r}")
            start = end = None
        found.append((start, end, [said]))
    if not any(start is not None for start, _, _ in found):
        raise InputError(f"{source}: no line begins with a time, expected lines such as [00:00:12] text")
    return Transcript(tuple(_stamped_words(found)))


def _stamped_words(found: list[tuple[float | None, float | None, list[str]]]) -> Iterator[Word]:
    if any(end is not None for _, end, _ in found):
        for start, end, said in found:
            yield from timed_words("\n".join(said), start, end)
        return
    yield from started_words([StartedLine(start, [(None, "\n".join(said))]) for start, _, said in found])


def _parts(text: str) -> Iterator[tuple[float | None, str]]:
    """The text of a line, cut where times stand before words."""
    pieces = _WORD_STAMP.split(text)
    yield None, pieces[0]
    for stamp, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        yield _secs(stamp, is_lrc=True), piece


def _secs(stamp: str, is_lrc: bool = False) -> float | None:
    """Seconds of `mm:ss.xx` or `hh:mm:ss.xx`; in LRC, hundredths may follow a colon, and minutes may be over 59."""
    whole, _, fraction = stamp.replace(",", ".").partition(".")
    numbers = whole.split(":")
    if is_lrc and len(numbers) == 3 and not fraction:
        *numbers, fraction = numbers
    if is_lrc and len(numbers) == 2:
        numbers = [str(int(numbers[0]) // 60), str(int(numbers[0]) % 60), numbers[1]]
    return clock_secs((*[""] * (3 - len(numbers)), *numbers, fraction))


def _offset_secs(text: str) -> float:
    try:
        return int(text.strip()[:10]) / 1000
    except ValueError:
        return 0.0


def _shifted(line: StartedLine, secs: float) -> StartedLine:
    if not secs or line.start_secs is None:
        return line
    return line._replace(
        start_secs=max(round(line.start_secs + secs, 3), 0.0),
        parts=[(None if at is None else max(round(at + secs, 3), 0.0), text) for at, text in line.parts],
    )


def _in_order(lines: list[StartedLine]) -> list[StartedLine]:
    """By time; a line without a time stays behind the one before it."""
    keys, last = [], 0.0
    for line in lines:
        last = last if line.start_secs is None else line.start_secs
        keys.append(last)
    return [line for _, line in sorted(zip(keys, lines, strict=True), key=lambda pair: pair[0])]
