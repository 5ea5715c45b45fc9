"""Makes words of stretches of text, each with its own times and speakers, which may begin and end within a word."""

from __future__ import annotations

import dataclasses
import itertools
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bert_qa_tf.speech.transcripts.formats import words as word_rules
from bert_qa_tf.speech.transcripts.transcript import Word

_TOKEN = re.compile(r"\S+")


class Run(NamedTuple):
    """Text of one speaker.

    Attributes:
      text: as it stands in the file.
      speaker: None where none is known.
    """

    text: str
    speaker: str | None = None


class Stretch(NamedTuple):
    """A text that is said between two times.

    Attributes:
      runs: the text, by speaker.
      start_secs: when it begins; None where that is not known.
      end_secs: when it ends; likewise.
    """

    runs: Sequence[Run]
    start_secs: float | None
    end_secs: float | None


def timed_words(text: str, start_secs: float | None, end_secs: float | None) -> tuple[Word, ...]:
    """The words of a stretch; without times if it has none, and only the first with one if its end is not known."""
    if start_secs is not None and end_secs is not None:
        return word_rules.segment_words(text, start_secs, end_secs)
    words = word_rules.text_words(text)
    if words and start_secs is not None:
        return (dataclasses.replace(words[0], start_secs=start_secs), *words[1:])
    return words


def stretch_words(stretches: Iterable[Stretch]) -> Iterator[Word]:
    """The words of stretches that follow each other: of a word that two of them share, the parts are joined."""
    words: list[Word] = []
    before = ""
    for stretch in stretches:
        text = "".join(run.text for run in stretch.runs)
        found = _with_speakers(timed_words(text, stretch.start_secs, stretch.end_secs), text, stretch.runs)
        if words and found and word_rules.goes_on(before, text):
            # A song's times stand within words too, one for each syllable.
            speaker = words[-1].speaker
            joined = dataclasses.replace(word_rules.join([words[-1], found[0]]), speaker=speaker)
            words[-1:], found = [joined], found[1:]
        yield from words[:-1]
        words = [*words[-1:], *found]
        before = text
    yield from words


def _with_speakers(words: Sequence[Word], text: str, runs: Sequence[Run]) -> list[Word]:
    if not any(run.speaker for run in runs):
        return list(words)
    starts = [0, *itertools.accumulate(len(run.text) for run in runs)]
    speakers = [runs[bisect_right(starts, match.start()) - 1].speaker for match in _TOKEN.finditer(text)]
    return [dataclasses.replace(word, speaker=speaker) for word, speaker in zip(words, speakers, strict=True)]
