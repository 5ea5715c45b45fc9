"""Reads SBV, the captions that YouTube gives and takes.

A line of times, `0:00:01.000,0:00:02.500`, stands above the text of each caption; the words of one share its times
(`Word.times_estimated`).
"""

from __future__ import annotations

from collections import Counter

from bert_qa_tf.speech.transcripts.formats.caption_times import COMMA
from bert_qa_tf.speech.transcripts.formats.captions import Syntax, read_captions, split_lines
from bert_qa_tf.speech.transcripts.formats.rolling import without_repeated_lines
from bert_qa_tf.speech.transcripts.formats.subrip import caption_words, plain
from bert_qa_tf.speech.transcripts.transcript import Transcript

_SYNTAX = Syntax(COMMA, has_names=False)


def read_sbv(text: str, source: str, counts: Counter[str]) -> Transcript:
    """Reads SBV; `counts` takes in what is left out.

    Raises:
      InputError: naming the line: none has times that can be read.
    """
    found = read_captions(split_lines(text), source, _SYNTAX)
    return Transcript(tuple(caption_words(without_repeated_lines(found, _plain, counts), _plain)))


def _plain(text: str) -> str:
    # YouTube writes a break within a line so.
    return plain(text.replace("[br]", "\n"))
