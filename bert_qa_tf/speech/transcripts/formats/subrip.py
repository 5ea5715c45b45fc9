r"""Reads SRT (SubRip), the captions of most programs outside the web.

Captions are numbered and timed, `00:00:01,000 --> 00:00:02,500`; the words of one share its times
(`Word.times_estimated`). Tags for the looks (`<i>`, `{\an8}`) are no speech.
"""

from __future__ import annotations

import re
from collections import Counter

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats import captions
from bert_qa_tf.speech.transcripts.formats.words import segment_words
from bert_qa_tf.speech.transcripts.transcript import Transcript

# Only what players take for a tag: there is no way to spell "<" otherwise.
_TAG = re.compile(r"</?(?:b|i|u|s|font|c|span)(?:[\s=.][^<>]*)?>|\{\\[^{}]*\}", re.IGNORECASE)


def read_subrip(text: str, source: str, counts: Counter[str]) -> Transcript:
    """Reads SRT; `counts` takes in what is left out.

    Raises:
      InputError: naming the line: it has no times that can be read where some must be.
    """
    blocks = captions.split_blocks(captions.split_lines(text), lambda line: not line.strip())
    found = captions.read_blocks(blocks, source)
    if not found and text.strip():
        raise InputError(f"{source}: no caption, expected a number, times and text for each")
    shown = captions.without_repeated_lines(found, _plain, counts)
    return Transcript(
        tuple(
            word
            for caption in shown
            for word in segment_words(_plain("\n".join(caption.lines)), caption.start_secs, caption.end_secs)
        )
    )


def _plain(line: str) -> str:
    return _TAG.sub("", line).strip()
