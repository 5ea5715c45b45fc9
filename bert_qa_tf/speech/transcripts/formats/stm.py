"""Reads STM, the segment-marked references of NIST's scoring tools.

A line is `waveform channel speaker start end [<labels>] words`; lines that begin with `;;` are comments.

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
from bert_qa_tf.speech.transcripts.formats.captions import split_lines
from bert_qa_tf.speech.transcripts.formats.ctm import MISSHAPEN_LINES
from bert_qa_tf.speech.transcripts.formats.recording_choice import choose_recording
from bert_qa_tf.speech.transcripts.formats.stretches import timed_words
from bert_qa_tf.speech.transcripts.formats.words import NON_WORDS, OTHER_ALTERNATIVES, OTHER_RECORDINGS
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS, Transcript, Word

_LINE = re.compile(
    r"\s*(\S+)\s+(\S+)\s+(\S+)\s+(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s+(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(?:\s+(<[^<>]*>))?(\s.*)?"
)
# `{ a / b }` are alternatives of a reference, `@` is the empty word.
_ALTERNATIVES = re.compile(r"\{\s+([^{}/]*?)\s*(?:/[^{}]*)?\}")
# Marks of sounds and of stretches that are not scored.
_NON_WORD = re.compile(r"@|\(?%?<[^<>]*>\)?|ignore_time_segment_in_scoring|inter_segment_gap", re.IGNORECASE)


class _Segment(NamedTuple):
    waveform: str
    channel: str
    speaker: str
    start_secs: float
    end_secs: float
    text: str


def looks_like_stm(text: str) -> bool:
    """Returns whether every line that is neither blank nor a comment has STM's fields, and labels in angle brackets."""
    lines = [line for _, line in split_lines(text) if line.strip() and not line.lstrip().startswith(";;")]
    matches = [_LINE.fullmatch(line) for line in lines]
    return bool(matches) and all(matches) and any(match[6] for match in matches)


def read_stm(text: str, source: str, recording: str | None, counts: Counter[str]) -> Transcript:
    """Reads STM in the order of time; `counts` takes in what is left out.

    Args:
      text: of the file.
      source: its name, for messages.
      recording: see `read_ctm`.
      counts: what is left out, by reason.

    Raises:
      InputError: no line has the fields; or there are several recordings and none is chosen.
    """
    segments = list(_segments(text, source))
    if not segments:
        return Transcript(())
    waveforms = list(dict.fromkeys(segment.waveform for segment in segments))
    channels = list(dict.fromkeys(f"{segment.waveform}/{segment.channel}" for segment in segments))
    if recording in waveforms or (recording is None and len(waveforms) == 1):
        wanted = {
            f"{segment.waveform}/{segment.channel}" for segment in segments if recording in (None, segment.waveform)
        }
    else:
        wanted = {choose_recording(channels, recording, source)}
    chosen = []
    for segment in segments:
        if f"{segment.waveform}/{segment.channel}" in wanted:
            chosen.append(segment)
        else:
            counts[OTHER_RECORDINGS] += len(segment.text.split())
    words: list[Word] = []
    for segment in sorted(chosen, key=lambda segment: segment.start_secs):
        for word in timed_words(_spoken(segment.text, counts), segment.start_secs, segment.end_secs):
            words.append(dataclasses.replace(word, speaker=segment.speaker))
    return Transcript(tuple(words))


def _segments(text: str, source: str) -> Iterator[_Segment]:
    first_problem, is_found = None, False
    for number, line in split_lines(text):
        if not line.strip() or line.lstrip().startswith(";;"):
            continue
        match = _LINE.fullmatch(line)
        start, end = (float(match[4]), float(match[5])) if match else (0.0, 0.0)
        if not match or not start <= end <= MAX_SECS:
            problem = f"expected waveform, channel, speaker, start, end and words, got {line.strip()[:60]!r}"
            first_problem = first_problem or f"{source}:{number}: {problem}"
            odd_items.add(MISSHAPEN_LINES, source, f"line {number}", problem)
            continue
        is_found = True
        yield _Segment(match[1], match[2], match[3], start, end, match[7] or "")
    if first_problem and not is_found:
        raise InputError(first_problem)


def _spoken(text: str, counts: Counter[str]) -> str:
    counts[OTHER_ALTERNATIVES] += text.count(" / ")
    said = _ALTERNATIVES.sub(r"\1", text).split()
    kept = [word for word in said if not _NON_WORD.fullmatch(word)]
    counts[NON_WORDS] += len(said) - len(kept)
    return " ".join(kept)
