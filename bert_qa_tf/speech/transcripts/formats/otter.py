"""Reads text in which a line with a name and a time stands above what is said: exports of Otter and of Teams.

    Nora Brown  0:05
    Hi, this is Nora.

A line with a time alone goes on with the speaker before it.
"""

from __future__ import annotations

import re
from collections import Counter

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.caption_times import clock_secs
from bert_qa_tf.speech.transcripts.formats.captions import split_lines
from bert_qa_tf.speech.transcripts.formats.started_lines import StartedLine, started_words
from bert_qa_tf.speech.transcripts.formats.words import NON_WORDS
from bert_qa_tf.speech.transcripts.transcript import Transcript

_HEADING = re.compile(r"(?:(\S.{0,58}?\S|\S)(?:[ ]{2,8}|[ ]{0,4}\t[ ]{0,4}))?((?:\d{1,3}:)?\d{1,2}:\d{2})[ \t]*")
_FOOTER = re.compile(r"\s*Transcribed by https?://otter\.ai/?\s*", re.IGNORECASE)
_MIN_HEADINGS = 2
_MAX_LINES_BEFORE = 8


def is_otter(text: str) -> bool:
    """Returns whether headings with a name and a time stand above texts, one of them near the beginning."""
    lines = [line for _, line in split_lines(text) if line.strip()]
    places = [index for index, line in enumerate(lines) if (match := _HEADING.fullmatch(line)) and match[1]]
    return len(places) >= _MIN_HEADINGS and places[0] <= _MAX_LINES_BEFORE and places[1] > places[0] + 1


def read_otter(text: str, source: str, counts: Counter[str]) -> Transcript:
    """Reads names, times and what was said; `counts` takes in the lines that are none of it.

    Raises:
      InputError: there is no line with a name and a time.
    """
    found: list[tuple[float | None, str | None, list[str]]] = []
    speaker = None
    for _, line in split_lines(text):
        heading = _HEADING.fullmatch(line)
        if heading:
            speaker = heading[1] or speaker
            numbers = heading[2].split(":")
            found.append((clock_secs((*[""] * (3 - len(numbers)), *numbers, "")), speaker, []))
        elif _FOOTER.fullmatch(line):
            counts[NON_WORDS] += 1
        elif found:
            found[-1][2].append(line)
        elif line.strip():
            # A title or a date above the first heading.
            counts[NON_WORDS] += len(line.split())
    if not found:
        raise InputError(f"{source}: no line with a name and a time, expected lines such as: Nora Brown  0:05")
    lines = [StartedLine(start, [(None, "\n".join(said))], name) for start, name, said in found]
    return Transcript(tuple(started_words(lines)))
