r"""Reads SRT (SubRip), the captions of most programs outside the web.

Captions are numbered and timed, `00:00:01,000 --> 00:00:02,500`; the words of one share its times
(`Word.times_estimated`). Tags for the looks (`<i>`, `{\an8}`) are no speech. A caption whose times cannot be read keeps
its words without a time.
"""

from __future__ import annotations

import dataclasses
import html
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.captions import Caption, Syntax, read_captions, split_lines
from bert_qa_tf.speech.transcripts.formats.rolling import without_repeated_lines
from bert_qa_tf.speech.transcripts.formats.spoken_names import split_names
from bert_qa_tf.speech.transcripts.formats.stretches import timed_words
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word

# Only what players take for a tag: there is no way to spell "<" otherwise. Time tags come from WebVTT, codes in braces
# from SubStation Alpha and MicroDVD.
_TAG = re.compile(
    r"</?(?:b|i|u|s|bold|italic|underline|strike|font|c|span|em|strong|p|div|v|ruby|rt|lang)(?:[\s=.][^<>]*)?>|<\d{1,3}:[\d:.,]{2,12}>"
    r"|\{\\[^{}]*\}|\{[ycfsCPYFS]:[^{}]*\}",
    re.IGNORECASE,
)
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}[^{}]*")
_BREAK = re.compile(r"<br[ \t]*/?>|\\[Nh]", re.IGNORECASE)
# "R&D;" is said; these are not.
_REFERENCE = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|lrm|rlm|#\d{1,6}|#x[0-9a-f]{1,5});", re.IGNORECASE)
_SYNTAX = Syntax(is_numbered=True)


def read_subrip(text: str, source: str, counts: Counter[str]) -> Transcript:
    """Reads SRT; `counts` takes in what is left out.

    Raises:
      InputError: naming the line: none has times that can be read.
    """
    found = read_captions(split_lines(text), source, _SYNTAX)
    if not found and text.strip():
        raise InputError(f"{source}: no caption, expected a number, times and text for each")
    return Transcript(tuple(caption_words(without_repeated_lines(found, plain, counts), plain)))


def caption_words(captions: Sequence[Caption], plain_text: Callable[[str], str]) -> Iterator[Word]:
    """The words of captions that have times only as a whole, with their speakers where the file names them."""
    named = split_names([plain_text("\n".join(caption.lines)) for caption in captions])
    for caption, (speaker, said) in zip(captions, named, strict=True):
        for word in timed_words(said, caption.start_secs, caption.end_secs):
            yield word if speaker is None else dataclasses.replace(word, speaker=speaker)


def plain(text: str) -> str:
    """A caption's text without tags."""
    if "{" in text or "<" in text:
        text = _TAG.sub("", _DRAWING.sub("", _BREAK.sub("\n", text)))
    elif "\\" in text:
        text = _BREAK.sub("\n", text)
    if "&" in text:
        text = _REFERENCE.sub(lambda match: html.unescape(match[0]), text)
    return text.strip()
