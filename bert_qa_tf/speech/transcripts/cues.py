"""Cuts the words of a transcript into captions that can be read along with the sound.

A caption has one speaker, and at most two lines of 42 characters and 7 seconds. Cuts are made at pauses and behind
sentences where that is possible. `writers.py` writes them as WebVTT or SRT.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from bert_qa_tf.speech.transcripts.transcript import Transcript, Word
from bert_qa_tf.speech.transcripts.word_times import fill_times

# What subtitling guides ask for: two lines of 42 characters, gone after seven seconds.
_MAX_LINE_CHARS = 42
_MAX_CUE_SECS = 7.0
# A cue of a single "yes" stays long enough to be read, where nothing follows it at once.
_MIN_CUE_SECS = 1.0
# Speakers take a breath in about a third of a second; this is a stop.
_PAUSE_SECS = 0.7


@dataclasses.dataclass(frozen=True)
class Cue:
    """One caption.

    Attributes:
      start_secs: when it appears; no earlier than the cue before it.
      end_secs: when it goes; at least a millisecond later.
      lines: one or two, each the words that stand on it, all with times.
    """

    start_secs: float
    end_secs: float
    lines: tuple[tuple[Word, ...], ...]

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all lines."""
        return tuple(word for line in self.lines for word in line)


def cut_into_cues(transcript: Transcript) -> list[Cue]:
    """Cuts a transcript into cues; words without times get them from their neighbours (see `fill_times`).

    A word too long for a line has one to itself; a word that takes more than seven seconds has a cue to itself.
    """
    words = fill_times(transcript.words, 0.0, transcript.duration_secs or 0.0)
    groups = [group for phrase in _phrases(words) for group in _cut_phrase(phrase)]
    cues: list[Cue] = []
    for index, group in enumerate(groups):
        # Words of two channels may overlap; cues have to begin one after the other.
        start = max(min(word.start_secs for word in group), cues[-1].start_secs if cues else 0.0)
        end = max(max(word.end_secs for word in group), start + 0.001)
        if index + 1 < len(groups):
            following = min(word.start_secs for word in groups[index + 1])
            end = max(end, min(start + _MIN_CUE_SECS, following))
        else:
            end = max(end, start + _MIN_CUE_SECS)
        cues.append(Cue(start, end, _lines(group) or (tuple(group),)))
    return cues


def _phrases(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """Cuts at every stop, and where somebody else speaks."""
    first = 0
    for index in range(1, len(words)):
        before, word = words[index - 1], words[index]
        if word.start_secs - before.end_secs >= _PAUSE_SECS or word.speaker != before.speaker:
            yield words[first:index]
            first = index
    if first < len(words):
        yield words[first:]


def _cut_phrase(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    first = 0
    while first < len(words):
        past = first + 1
        while past < len(words) and _fits(words[first : past + 1]):
            past += 1
        if past < len(words):
            # A full cue is cut where it reads best, yet not so early that the next one hardly has less to hold.
            earliest = first + (past - first) // 2 + 1
            past = max(range(earliest, past + 1), key=lambda cut: (_cut_quality(words, cut), cut))
        yield words[first:past]
        first = past


def _cut_quality(words: Sequence[Word], cut: int) -> tuple[int, float]:
    """How well a cue may end before `words[cut]`: the punctuation, then the pause in tenths of a second."""
    last = words[cut - 1].text.rstrip("\"')]»”’")
    punctuation = 2 if last.endswith((".", "?", "!", "…")) else 1 if last.endswith((",", ";", ":", "–", "—")) else 0
    return punctuation, round(max(words[cut].start_secs - words[cut - 1].end_secs, 0.0), 1)


def _fits(words: Sequence[Word]) -> bool:
    lasts = max(word.end_secs for word in words) - min(word.start_secs for word in words)
    return lasts <= _MAX_CUE_SECS and _lines(words) is not None


def _lines(words: Sequence[Word]) -> tuple[tuple[Word, ...], ...] | None:
    """One line, or the two that differ least in length; None where two do not hold the words."""
    # How long a line is that ends behind each word.
    ends = [length - 1 for length in itertools.accumulate(len(word.text) + 1 for word in words)]
    if ends[-1] <= _MAX_LINE_CHARS:
        return (tuple(words),)
    best = None
    for cut in range(1, len(words)):
        upper, lower = ends[cut - 1], ends[-1] - ends[cut - 1] - 1
        if max(upper, lower) <= _MAX_LINE_CHARS and (best is None or abs(upper - lower) < best[0]):
            best = abs(upper - lower), cut
    return best and (tuple(words[: best[1]]), tuple(words[best[1] :]))
