r"""Reads SubStation Alpha (ASS and SSA), the captions of Aegisub.

Each line `Dialogue:` of the section `[Events]` has times, perhaps an actor, and text; `Format:` names its fields. Codes
in braces are no speech; of those, `{\k35}` says how many hundredths of a second the next syllable takes.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.caption_times import UNTIMED_CAPTIONS, clock_secs
from bert_qa_tf.speech.transcripts.formats.captions import split_lines
from bert_qa_tf.speech.transcripts.formats.stretches import Run, Stretch, stretch_words, timed_words
from bert_qa_tf.speech.transcripts.formats.words import NON_WORDS, REPEATED_LINES
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word

_FIELDS = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")
_TIME = re.compile(r"[ \t]*(\d{1,5}):(\d{1,2}):(\d{1,2})(?:[.,:](\d{1,3}))?[ \t]*")
_CODES = re.compile(r"\{([^{}]*)\}")
_DRAWING = re.compile(r"\\p(\d)")
_SYLLABLE = re.compile(r"\\(?:k|K|kf|ko)(\d{1,6})")
_BREAKS = re.compile(r"\\[Nnh]")
# What old programs write where no actor is meant.
_NO_ACTORS = ("", "NTP")


class _Event(NamedTuple):
    order: float
    start_secs: float | None
    end_secs: float | None
    actor: str | None
    text: str


def is_substation(text: str) -> bool:
    """Returns whether text has the sections of SubStation Alpha."""
    begins = text.lstrip("\ufeff \t\r\n")[:100].lower()
    return begins.startswith("[script info]") or (
        begins.startswith("[events]") and "dialogue:" in text[:10_000].lower()
    )


def read_substation(text: str, source: str, counts: Counter[str]) -> Transcript:
    """Reads SubStation Alpha in the order of time; `counts` takes in what is no speech.

    Raises:
      InputError: there is no line of dialogue, or none has times that can be read.
    """
    events = list(_events(text, source, counts))
    if not events:
        if re.search(r"^\[events\]", text, re.IGNORECASE | re.MULTILINE):
            return Transcript(())
        raise InputError(f"{source}: no section [Events], expected lines such as Dialogue: 0,0:00:01.00,0:00:02.50,…")
    if all(event.start_secs is None for event in events):
        raise InputError(f"{source}: no line of dialogue has times that can be read")
    words: list[Word] = []
    shown: _Event | None = None
    for event in sorted(events, key=lambda event: event.order):
        # Layers of one caption, and captions that move, are written once for each.
        if shown and (event.text, event.actor) == (shown.text, shown.actor) and _touches(shown, event):
            counts[REPEATED_LINES] += 1
            shown = event
            continue
        shown = event
        for word in _event_words(event, counts):
            words.append(word if event.actor is None else dataclasses.replace(word, speaker=event.actor))
    return Transcript(tuple(words))


def _events(text: str, source: str, counts: Counter[str]) -> Iterator[_Event]:
    fields: tuple[str, ...] = _FIELDS
    is_inside, last = False, 0.0
    for number, line in split_lines(text):
        if line.startswith("["):
            is_inside = line.strip().lower() == "[events]"
            continue
        kind, colon, rest = line.partition(":")
        kind = kind.strip().lower()
        if not is_inside or not colon:
            continue
        if kind == "format":
            named = tuple(field.strip().lower() for field in rest.split(","))
            fields = named if {"start", "end", "text"} <= set(named) else fields
        elif kind == "comment":
            counts["comments"] += 1
        elif kind == "dialogue":
            values = dict(zip(fields, rest.split(",", len(fields) - 1), strict=False))
            start, end = (_secs(values.get(name, "")) for name in ("start", "end"))
            if start is None or end is None or end < start:
                found = f"{values.get('start', '')[:20]!r} and {values.get('end', '')[:20]!r}"
                odd_items.add(UNTIMED_CAPTIONS, source, f"line {number}", f"expected a start and an end, got {found}")
                start = end = None
            last = last if start is None else start
            actor = values.get("name", values.get("actor", "")).strip()
            yield _Event(last, start, end, None if actor in _NO_ACTORS else actor, values.get("text", ""))


def _secs(text: str) -> float | None:
    match = _TIME.fullmatch(text)
    return clock_secs(match.groups(default="")) if match else None


def _touches(before: _Event, event: _Event) -> bool:
    if before.end_secs is None or event.start_secs is None:
        return False
    return event.start_secs <= before.end_secs + 0.05


def _event_words(event: _Event, counts: Counter[str]) -> Iterator[Word]:
    is_drawing = False
    # Of each syllable: the text, and for how long it is said, in hundredths of a second.
    syllables: list[tuple[list[str], int]] = [([], 0)]
    for index, part in enumerate(_CODES.split(event.text)):
        if index % 2:
            drawing = _DRAWING.search(part)
            is_drawing = int(drawing[1]) > 0 if drawing else is_drawing
            syllables += [([], int(length)) for length in _SYLLABLE.findall(part)]
        elif is_drawing:
            counts[NON_WORDS] += 1
        else:
            syllables[-1][0].append(_BREAKS.sub(" ", part))
    if len(syllables) == 1 or event.start_secs is None:
        said = "".join(text for texts, _ in syllables for text in texts)
        yield from timed_words(said, event.start_secs, event.end_secs)
        return
    yield from stretch_words(_sung(syllables, event.start_secs))


def _sung(syllables: list[tuple[list[str], int]], start_secs: float) -> Iterator[Stretch]:
    hundredths = 0
    for texts, length in syllables:
        start = start_secs + hundredths / 100
        hundredths += length
        yield Stretch([Run("".join(texts))], round(start, 3), round(start_secs + hundredths / 100, 3))
