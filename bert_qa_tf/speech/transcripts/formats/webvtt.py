"""Reads WebVTT, the captions of the web: a file that begins with `WEBVTT`.

Time tags within a cue (`<00:00:01.000>`) say when the next word begins and the one before it ends at the latest. Where
there are none, the words of a cue share its times (`Word.times_estimated`). Notes, styles and regions are no speech;
names in voice tags are counted.

Source: W3C, "WebVTT: The Web Video Text Tracks Format".
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats import captions
from bert_qa_tf.speech.transcripts.formats import words as word_rules
from bert_qa_tf.speech.transcripts.formats.captions import Caption
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word

_FIRST_LINE = re.compile(r"WEBVTT(?:[ \t].*)?")
_NO_CUE = re.compile(r"(?:NOTE(?:[ \t].*)?|STYLE\s*|REGION\s*)")
_TAG = re.compile(r"<([^<>]*)>")
_TIME_TAG = re.compile(captions.TIME)
# More digits than any character has, leading zeros aside: such a number stands for no character.
_LONG_REFERENCE = re.compile(r"&#[0-9]{100,};?")
_VOICE_TAG = re.compile(r"v[\s.].*", re.DOTALL)


def read_webvtt(text: str, source: str, counts: Counter[str]) -> Transcript:
    """Reads WebVTT; `counts` takes in what is left out.

    Raises:
      InputError: naming the line: it does not begin with `WEBVTT`, or a cue has no times that can be read.
    """
    lines = captions.split_lines(text)
    if not _FIRST_LINE.fullmatch(lines[0][1]):
        raise InputError(f"{source}:1: expected WEBVTT, got {lines[0][1][:60]!r}")
    # Below the first line there may be more of the header, up to a blank line or the first cue.
    body = next((i for i, (_, line) in enumerate(lines) if i and (not line or captions.ARROW in line)), len(lines))
    blocks = captions.split_blocks(lines[body:], lambda line: not line)
    cues = captions.read_blocks((block for block in blocks if not _NO_CUE.fullmatch(block[0][1])), source)
    return Transcript(tuple(_words(cues, counts)))


def _words(cues: list[Caption], counts: Counter[str]) -> Iterator[Word]:
    for cue in captions.without_repeated_lines(cues, _plain, counts):
        yield from _cue_words(cue, counts)


def _plain(line: str) -> str:
    return _unescape(_TAG.sub("", line)).strip()


def _unescape(text: str) -> str:
    """Resolves character references; Python's `unescape` stumbles over numbers of thousands of digits."""
    return html.unescape(_LONG_REFERENCE.sub("\ufffd", text))


def _cue_words(cue: Caption, counts: Counter[str]) -> Iterator[Word]:
    before, words = "", []
    for stretch, start, end in _stretches(cue, counts):
        found = list(word_rules.segment_words(stretch, start, end))
        if words and found and word_rules.goes_on(before, stretch):
            # A song's time tags stand within words too, one for each syllable.
            words[-1:], found = [word_rules.join([words[-1], found[0]])], found[1:]
        words += found
        before = stretch
    yield from words


def _stretches(cue: Caption, counts: Counter[str]) -> Iterator[tuple[str, float, float]]:
    """The text of a cue, cut where a time tag stands; each part with when it begins and ends."""
    stretch, start = "", cue.start_secs
    for index, part in enumerate(_TAG.split("\n".join(cue.lines))):
        if index % 2 == 0:
            stretch += _unescape(part)
            continue
        if _VOICE_TAG.fullmatch(part):
            counts[word_rules.SPEAKER_LABELS] += 1
        time = _TIME_TAG.fullmatch(part.strip())
        if not time:
            continue
        at = captions.to_secs(time.groups())
        if at is None or not start <= at <= cue.end_secs:
            counts[word_rules.TIMES_OUT_OF_ORDER] += 1
            continue
        yield stretch, start, at
        stretch, start = "", at
    yield stretch, start, cue.end_secs
