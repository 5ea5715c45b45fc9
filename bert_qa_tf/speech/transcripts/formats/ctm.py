"""Reads CTM, the time-marked words of NIST's scoring tools, which Kaldi and others write.

A line is `waveform channel start duration word [confidence [type [speaker]]]`; lines that begin with `;;` are comments.
The transcript is of one waveform, or of one of its channels, in the order of time.

Source: NIST SCTK, `doc/infmts.htm`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.captions import split_lines
from bert_qa_tf.speech.transcripts.formats.recording_choice import choose_recording
from bert_qa_tf.speech.transcripts.formats.words import NON_WORDS, OTHER_ALTERNATIVES, OTHER_RECORDINGS, checked_word
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS, Transcript, Word

_MIN_FIELDS, _MAX_FIELDS = 5, 8
# A first record that no other text looks like; `*` is a time within alternatives.
_LIKELY = re.compile(r"\S+[ \t]+\S+[ \t]+(?:\d*\.\d+|\d+|\*)[ \t]+(?:\d*\.\d+|\d+|\*)[ \t]+\S+.*")
# Decoders write them for a pause or the ends of an utterance; SCTK's "@" is the empty word.
_SILENCES = frozenset({"<eps>", "<sil>", "<s>", "</s>", "@"})
_ALT_BEGIN, _ALT, _ALT_END = "<ALT_BEGIN>", "<ALT>", "<ALT_END>"


class _Record(NamedTuple):
    place: str
    waveform: str
    channel: str
    start: str
    duration: str
    word: str
    confidence: str | None


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
    words = [word for record in _first_alternatives(chosen, counts) if (word := _word(record, counts))]
    # Two channels lie one behind the other in the file.
    return Transcript(tuple(sorted(words, key=lambda word: word.start_secs)))


def _records(text: str, source: str) -> Iterator[_Record]:
    for number, line in split_lines(text):
        fields = line.split()
        if not fields or fields[0].startswith(";;"):
            continue
        if not _MIN_FIELDS <= len(fields) <= _MAX_FIELDS:
            raise InputError(
                f"{source}:{number}: expected waveform, channel, start, duration, word and perhaps a confidence, got "
                f"{len(fields)} fields"
            )
        yield _Record(f"{source}:{number}", *fields[:5], fields[5] if len(fields) > _MIN_FIELDS else None)


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
    start, duration = (_secs(record, name) for name in ("start", "duration"))
    if record.word.lower() in _SILENCES:
        counts[NON_WORDS] += 1
        return None
    return checked_word(record.place, record.word, start, start + duration, _confidence(record), counts)


def _secs(record: _Record, name: str) -> float:
    value = getattr(record, name)
    try:
        secs = float(value)
    except ValueError:
        secs = -1.0
    if not 0 <= secs <= MAX_SECS:
        raise InputError(f"{record.place}: expected the {name} in seconds, got {value!r}")
    return secs


def _confidence(record: _Record) -> float | None:
    if record.confidence is None or record.confidence.upper() == "NA":
        return None
    try:
        return float(record.confidence)
    except ValueError as error:
        raise InputError(f"{record.place}: expected a confidence or NA, got {record.confidence!r}") from error
