"""Reads WebVTT, the captions of the web: a file that begins with `WEBVTT`.

Time tags within a cue (`<00:00:01.000>`) say when the next word begins and the one before it ends at the latest. Where
there are none, the words of a cue share its times (`Word.times_estimated`). Voice tags name the speakers. Notes, styles
and regions are no speech. As in browsers, a cue whose times cannot be read is left out.

Source: W3C, "WebVTT: The Web Video Text Tracks Format".
"""

from __future__ import annotations

import dataclasses
import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddKind
from bert_qa_tf.speech.transcripts.formats import words as word_rules
from bert_qa_tf.speech.transcripts.formats.caption_times import TIME, WITH_ARROW, clock_secs
from bert_qa_tf.speech.transcripts.formats.captions import Caption, Line, Syntax, read_captions, split_lines
from bert_qa_tf.speech.transcripts.formats.rolling import without_repeated_lines
from bert_qa_tf.speech.transcripts.formats.spoken_names import split_names
from bert_qa_tf.speech.transcripts.formats.stretches import Run, Stretch, stretch_words, timed_words
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word

MISSING_HEADERS = OddKind("missing_headers", "WebVTT files that do not begin with WEBVTT, read all the same")
REPEATED_HEADERS = OddKind("repeated_headers", "headers in the middle of a WebVTT file, taken for no captions")

_FIRST_LINE = re.compile(r"WEBVTT(?:[ \t].*)?")
_NO_CUE = re.compile(r"(?:NOTE(?:[ \t].*)?|STYLE\s*|REGION\s*|X-TIMESTAMP-MAP=.*|Region: id=.*)")
_TAG = re.compile(r"<([^<>]*)>")
# What is no tag of WebVTT, but is found: line breaks of HTML.
_BREAK = re.compile(r"<br[ \t]*/?>", re.IGNORECASE)
# A tag that is never closed; what it names cannot be told from what is said.
_UNCLOSED = re.compile(r"<(?:/?(?:c|v|b|i|u|lang|ruby|rt)(?:\.[^\s<>]*)?|[\d:.]{5,15})(?=\s|$)(?![^<>]*>)")
_TIME_TAG = re.compile(TIME)
# More digits than any character has, leading zeros aside: such a number stands for no character.
_LONG_REFERENCE = re.compile(r"&#[0-9]{100,};?")
_VOICE_TAG = re.compile(r"v(?:\.[^\s]*)?\s(.*)", re.DOTALL)
_SYNTAX = Syntax(keeps_unreadable=False, may_be_empty=True)


def read_webvtt(text: str, source: str, counts: Counter[str]) -> Transcript:
    """Reads WebVTT; `counts` takes in what is left out.

    Raises:
      InputError: naming the line: it neither begins with `WEBVTT` nor has a cue, or no cue has times that can be read.
    """
    lines = split_lines(text)
    first = lines[0][1]
    has_header = _FIRST_LINE.fullmatch(first) is not None
    if not has_header:
        if not any(WITH_ARROW.is_meant(line) for _, line in lines):
            raise InputError(f"{source}:1: expected WEBVTT, got {first[:60]!r}")
        odd_items.add(MISSING_HEADERS, source, "line 1", f"expected WEBVTT, got {first[:60]!r}")
        lines = lines[1:] if first.strip().upper().startswith(("WEBVTT", "VTT")) else lines
    else:
        # Below the first line there may be more of the header, up to a blank line or the first cue.
        lines = lines[next((i for i, (_, line) in enumerate(lines) if i and _ends_header(line)), len(lines)) :]
    cues = read_captions(list(_without_notes(lines, source)), source, _SYNTAX)
    cues = without_repeated_lines(cues, _plain, counts)
    return Transcript(tuple(_words(cues, counts)))


def _ends_header(line: str) -> bool:
    return not line.strip() or WITH_ARROW.is_meant(line)


def _without_notes(lines: Sequence[Line], source: str) -> Iterator[Line]:
    """The lines that are in no note, style, region or second header.

    Those go on to the next blank line; a style to the one behind its last brace.
    """
    is_first, is_skipping, is_style, open_braces = True, False, False, 0
    for number, line in lines:
        is_blank = not line.strip()
        if WITH_ARROW.exact.fullmatch(line):
            is_skipping, open_braces = False, 0
        elif is_first and not is_blank and not open_braces:
            is_header = _FIRST_LINE.fullmatch(line) is not None
            if is_header:
                odd_items.add(REPEATED_HEADERS, source, f"line {number}", "expected WEBVTT in the first line alone")
            is_skipping = is_header or _NO_CUE.fullmatch(line) is not None
            is_style = line.strip() == "STYLE"
        if is_skipping and is_style:
            open_braces = max(open_braces + line.count("{") - line.count("}"), 0)
        if is_blank or not is_skipping:
            yield number, line
        is_first = is_blank


def _words(cues: list[Caption], counts: Counter[str]) -> Iterator[Word]:
    has_tags = [any("<" in line for line in cue.lines) for cue in cues]
    if not any("<v" in line for cue in cues for line in cue.lines):
        named = split_names([_plain("\n".join(cue.lines)) for cue in cues])
    else:
        named = [(None, "")] * len(cues)
    for cue, tagged, (speaker, said) in zip(cues, has_tags, named, strict=True):
        if speaker is None:
            yield from stretch_words(_stretches(cue, counts))
        elif not tagged:
            words = timed_words(said, cue.start_secs, cue.end_secs)
            yield from (dataclasses.replace(word, speaker=speaker) for word in words)
        else:
            label = Caption(cue.line_number, cue.start_secs, cue.end_secs, _without_label(cue.lines))
            for word in stretch_words(_stretches(label, counts)):
                yield dataclasses.replace(word, speaker=speaker)


def _without_label(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Lines with tags, without the name and the colon that they begin with."""
    text = "\n".join(lines)
    parts = _TAG.split(text)
    tags = [f"<{part}>" if index % 2 else "" for index, part in enumerate(parts)]
    for index in range(0, len(parts), 2):
        _, colon, after = parts[index].partition(":")
        parts[index] = after if colon else ""
        if colon:
            break
    return tuple("".join(tag or part for tag, part in zip(tags, parts, strict=True)).split("\n"))


def _plain(line: str) -> str:
    return _unescape(_TAG.sub("", _mended(line))).strip()


def _mended(text: str) -> str:
    return _UNCLOSED.sub("", _BREAK.sub("\n", text)) if "<" in text else text


def _unescape(text: str) -> str:
    """Resolves character references; Python's `unescape` stumbles over numbers of thousands of digits."""
    return html.unescape(_LONG_REFERENCE.sub("\ufffd", text)) if "&" in text else text


def _stretches(cue: Caption, counts: Counter[str]) -> Iterator[Stretch]:
    """The text of a cue, cut where a time tag stands; each part with when it begins and ends."""
    runs: list[Run] = []
    start, speaker = cue.start_secs, None
    for index, part in enumerate(_TAG.split(_mended("\n".join(cue.lines)))):
        if index % 2 == 0:
            runs.append(Run(_unescape(part), speaker))
            continue
        voice = _VOICE_TAG.fullmatch(part)
        if voice:
            speaker = " ".join(_unescape(voice[1]).split()) or None
        elif part.strip() == "/v":
            speaker = None
        time = _TIME_TAG.fullmatch(part.strip())
        if not time or cue.start_secs is None:
            continue
        at = clock_secs(time.groups())
        if at is None or not start <= at <= cue.end_secs:
            counts[word_rules.TIMES_OUT_OF_ORDER] += 1
            continue
        yield Stretch(runs, start, at)
        runs, start = [], at
    yield Stretch(runs, start, cue.end_secs)
