"""Reads CTM, the time-marked words of NIST's scoring tools, which Kaldi and others write.

A line is `waveform channel start duration word [confidence [type [speaker]]]`; lines that begin with `;;` are comments.
The transcript is of one waveform, or of one of its channels, in the order of time. A line with other fields is left
out, and a word without times that can be keeps its place.

Source: NIST SCTK, `doc/infmts.htm`.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddKind, Severity
from bert_qa_tf.speech.transcripts.formats.captions import split_lines
from bert_qa_tf.speech.transcripts.formats.recording_choice import choose_recording
from bert_qa_tf.speech.transcripts.formats.words import NON_WORDS, OTHER_ALTERNATIVES, OTHER_RECORDINGS, checked_word
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS, Transcript, Word

MISSHAPEN_LINES = OddKind("misshapen_lines", "lines with other fields than the format has, left out", Severity.WARNING)
UNTIMED_WORDS = OddKind("untimed_words", "words with no times that can be, read without a time", Severity.WARNING)
UNREADABLE_CONFIDENCES = OddKind(
    "unreadable_confidences", "confidences that are no numbers, left out", Severity.WARNING
)

_MIN_FIELDS, _MAX_FIELDS = 5, 8
# A first record that no other text looks like; `*` is a time within alternatives.
_LIKELY = re.compile(r"\S+[ \t]+\S+[ \t]+(?:\d*\.\d+|\d+|\*)[ \t]+(?:\d*\.\d+|\d+|\*)[ \t]+\S+.*")
# Decoders write them for a pause or the ends of an utterance; SCTK's "@" is the empty word.
_SILENCES = frozenset({"<eps>", "<sil>", "<s>", "</s>", "@"})
_ALT_BEGIN, _ALT, _ALT_END = "<ALT_BEGIN>", "<ALT>", "<ALT_END>"


class _Record(NamedTuple):
    source: str
    line: int
    waveform: str
    channel: str
    start: str
    duration: str
    word: str
    confidence: str | None
    speaker: str | None


def looks_like_ctm(text: str) -> bool:
    """Whether every line that is neither blank nor a comment has CTM's first five fields, and one a decimal point."""
    lines = [line.strip() for _, line in split_lines(text) if line.strip() and not line.lstrip().startswith(";;")]
    return all(_LIKELY.fullmatch(line) for line in lines) and any("." in "".join(line.split()[2:4]) for line in lines)


def read_ctm(text: str, source: str, recording: str | None, counts: Counter[str]) -> Transcript:
    """Reads CTM; `counts` takes in what is left out.

    Args:
      text: of the file.
      source: its name, for messages.
      recording: `waveform`, for all its channels as they follow in time, or `waveform/channel`; None where the file
        holds one channel of one waveform.
      counts: what is left out, by reason.

    Raises:
      InputError: naming the line: it has other fields; or there are several recordings and none is chosen.
    """
    records = list(_records(text, source))
    if not records:
        return Transcript(())
    chosen = _chosen(records, recording, source)
    counts[OTHER_RECORDINGS] += len(records) - len(chosen)
    words, keys, last = [], [], 0.0
    for record in _first_alternatives(chosen, counts):
        word = _word(record, counts)
        if word:
            last = last if word.start_secs is None else word.start_secs
            words.append(word)
            keys.append(last)
    # Two channels lie one behind the other in the file.
    order = sorted(range(len(words)), key=keys.__getitem__)
    return Transcript(tuple(words[index] for index in order))


def _records(text: str, source: str) -> Iterator[_Record]:
    """The records; lines with other fields are counted.

    Raises:
      InputError: no line has the fields, or no time can be read; names the first.
    """
    first_problem, found, is_timed = None, False, False
    for number, line in split_lines(text):
        fields = line.split()
        if not fields or fields[0].startswith(";;"):
            continue
        if not _MIN_FIELDS <= len(fields) <= _MAX_FIELDS:
            problem = (
                f"expected waveform, channel, start, duration, word and perhaps a confidence, got {len(fields)} fields"
            )
            first_problem = first_problem or f"{source}:{number}: {problem}"
            odd_items.add(MISSHAPEN_LINES, source, f"line {number}", problem)
            continue
        found = True
        record = _Record(source, number, *fields[:5], *(fields[5:6] or [None]), *(fields[7:8] or [None]))
        bad = next((name for name in ("start", "duration") if _secs(record, name) is None), None)
        if bad is not None:
            first_problem = first_problem or f"{source}:{number}: {_wrong_time(record, bad)}"
        is_timed = is_timed or bad is None
        yield record
    if first_problem and not (found and is_timed):
        raise InputError(first_problem)


def _chosen(records: list[_Record], recording: str | None, source: str) -> list[_Record]:
    channels = list(dict.fromkeys(f"{record.waveform}/{record.channel}" for record in records))
    waveforms = list(dict.fromkeys(record.waveform for record in records))
    if recording in waveforms:
        return [record for record in records if record.waveform == recording]
    name = choose_recording(channels, recording, source)
    return [record for record in records if f"{record.waveform}/{record.channel}" == name]


def _first_alternatives(records: list[_Record], counts: Counter[str]) -> Iterator[_Record]:
    """Of alternatives in a reference, the words of the first."""
    skipping = False
    for record in records:
        if record.word in (_ALT_BEGIN, _ALT_END):
            skipping = False
        elif record.word == _ALT:
            skipping = True
            counts[OTHER_ALTERNATIVES] += 1
        elif not skipping:
            yield record


def _word(record: _Record, counts: Counter[str]) -> Word | None:
    if record.word.lower() in _SILENCES:
        counts[NON_WORDS] += 1
        return None
    start, duration = (_secs(record, name) for name in ("start", "duration"))
    end = None if start is None or duration is None else start + duration
    if end is None:
        bad = "start" if start is None else "duration"
        odd_items.add(UNTIMED_WORDS, record.source, f"line {record.line}", _wrong_time(record, bad))
        start = None
    place = f"{record.source}:{record.line}"
    word = checked_word(place, record.word, start, end, _confidence(record), counts)
    return word if word is None or record.speaker is None else dataclasses.replace(word, speaker=record.speaker)


def _secs(record: _Record, name: str) -> float | None:
    value = getattr(record, name)
    try:
        secs = float(value)
    except ValueError:
        # A time within alternatives.
        return 0.0 if value == "*" and record.word in (_ALT_BEGIN, _ALT, _ALT_END) else None
    return secs if 0 <= secs <= MAX_SECS else None


def _wrong_time(record: _Record, name: str) -> str:
    return f"expected the {name} in seconds, got {getattr(record, name)!r}"


def _confidence(record: _Record) -> float | None:
    if record.confidence is None or record.confidence.upper() == "NA":
        return None
    try:
        return float(record.confidence)
    except ValueError:
        problem = f"expected a confidence or NA, got {record.confidence!r}"
        odd_items.add(UNREADABLE_CONFIDENCES, record.source, f"line {record.line}", problem)
        return None
