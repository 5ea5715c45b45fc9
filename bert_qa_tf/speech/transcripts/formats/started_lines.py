"""Times of lines of which a file says only when each begins: it ends when the next one begins, or before a silence.

The last one is taken to be said as fast as the others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bert_qa_tf.speech.transcripts.formats.stretches import Run, Stretch, stretch_words
from bert_qa_tf.speech.transcripts.transcript import Word

_SLOWEST_SECS_PER_CHAR = 0.4
_LONGEST_SHORT_LINE_SECS = 5.0


class StartedLine(NamedTuple):
    """A line.

    Attributes:
      start_secs: when it begins; None where that cannot be read.
      parts: its text, each part with when it begins; None for a part that begins with the line.
      speaker: None where none is known.
    """

    start_secs: float | None
    parts: Sequence[tuple[float | None, str]]
    speaker: str | None = None

    @property
    def text(self) -> str:
        """The text of all parts."""
        return "".join(text for _, text in self.parts)


def started_words(lines: Sequence[StartedLine]) -> Iterator[Word]:
    """The words of lines, in the lines' order; their ends are estimated."""
    ends = _ends(lines)
    for line, end in zip(lines, ends, strict=True):
        for word in stretch_words(_stretches(line, end)):
            is_timed = word.start_secs is not None and word.end_secs is not None
            yield dataclasses.replace(word, times_estimated=True) if is_timed else word


def _ends(lines: Sequence[StartedLine]) -> list[float | None]:
    starts = [line.start_secs for line in lines]
    # A line lasts until the next one, unless it would be slower than anybody speaks or sings: then there is silence.
    ends = [
        min(after, round(line.start_secs + _longest_secs(line), 3))
        if line.start_secs is not None and after is not None and after >= line.start_secs
        else None
        for line, after in zip(lines, [*starts[1:], None], strict=True)
    ]
    known = [(end - line.start_secs, len(line.text)) for line, end in zip(lines, ends, strict=True) if end is not None]
    chars = sum(length for _, length in known)
    pace = sum(secs for secs, _ in known) / chars if chars else None
    for index, line in enumerate(lines):
        if ends[index] is None and line.start_secs is not None and pace is not None:
            ends[index] = round(line.start_secs + pace * len(line.text), 3)
    return ends


def _longest_secs(line: StartedLine) -> float:
    return max(_LONGEST_SHORT_LINE_SECS, _SLOWEST_SECS_PER_CHAR * len(line.text))


def _stretches(line: StartedLine, end_secs: float | None) -> Iterator[Stretch]:
    start = line.start_secs
    texts = list(line.parts)
    for index, (at, text) in enumerate(texts):
        if at is not None and start is not None and at >= start:
            start = at
        following = next((later for later, _ in texts[index + 1 : index + 2] if later is not None), end_secs)
        end = following if start is None or following is None or following >= start else start
        yield Stretch([Run(text, line.speaker)], start, end)
