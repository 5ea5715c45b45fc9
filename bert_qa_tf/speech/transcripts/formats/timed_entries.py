"""Reads lists of timed words or segments, whatever a tool calls the parts of their entries.

An entry is an object with a text and times (`{"word": "hi", "start": 0.5, "end": 0.9}`), perhaps with a speaker, a
confidence and a list of its words, or a list such as `["hi", 0.5, 0.9]`. `entry_names.py` has the names that
recognisers write; `names` of `read_entries` those that mean something else elsewhere.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddKind, Severity
from bert_qa_tf.speech.transcripts.formats import words as word_rules
from bert_qa_tf.speech.transcripts.formats.entry_names import (
    CHANNELS,
    CONFIDENCES,
    DEFAULT_NAMES,
    LOG_CONFIDENCES,
    NO_TIMES,
    PAIRS,
    SPEAKERS,
    WORDS,
    Names,
    as_object,
    first_of,
    has_time_as,
    is_pair,
)
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.json_times import is_of_clock, to_label
from bert_qa_tf.speech.transcripts.formats.time_units import with_unit
from bert_qa_tf.speech.transcripts.transcript import Word

UNKNOWN_TIMES = OddKind(
    "unknown_times", "lists of words or segments whose times have unknown names, read without times", Severity.WARNING
)
_PUNCTUATION = ("punct", "punctuation")
_NO_WORDS = ("audio_event", "unknown", "silence", "noise", "sound")
# Of pieces of words, the share that begins a word. A stray space makes no pieces of whole words.
_MIN_BEGINNINGS = 0.2


class Entry(NamedTuple):
    """A word or a segment.

    Attributes:
      text: as the file has it, white space included; "" where only its words have text.
      start_secs: None where it is not known.
      end_secs: None where it is not known.
      confidence: of a word, 0 to 1.
      speaker: None where there is none.
      channel: None where there is none.
      words: those that have text and times of their own.
      times_estimated: whether the file says that its times were not measured.
    """

    text: str
    start_secs: float | None = None
    end_secs: float | None = None
    confidence: float | None = None
    speaker: str | None = None
    channel: str | None = None
    words: tuple[Word, ...] = ()
    times_estimated: bool = False


def read_entries(entries: JsonPlace, counts: Counter[str], names: Names = DEFAULT_NAMES) -> list[Entry]:
    """Reads a list of words or segments; entries of another shape are left out, and counted.

    Args:
      entries: the list.
      counts: takes in what else is left out.
      names: of the parts of an entry.

    Raises:
      InputError: it is no list.
    """
    places = list(_objects(entries))
    names = with_unit(entries, places, names)
    _report_unknown_times(entries, places, names)
    found: list[Entry] = []
    for place in places:
        try:
            entry = _read_entry(place, counts, names)
        except InputError as error:
            place.leave_out(error)
            continue
        if entry is None:
            continue
        if found and _kind(place) in _PUNCTUATION:
            found[-1] = found[-1]._replace(text=found[-1].text + entry.text.strip())
        else:
            found.append(entry)
    return found


def _report_unknown_times(entries: JsonPlace, places: Sequence[JsonPlace], names: Names) -> None:
    """A list of numbers that nobody reads, or of texts such as "00:05", may be one of times."""
    if any(has_time_as(place.value, names.starts, names.ends) for place in places):
        return
    unknown: dict[str, None] = {}
    for place in places:
        for name, value in place.value.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            is_clock = isinstance(value, str) and name not in names.texts and is_of_clock(value)
            if (is_number or is_clock) and name not in NO_TIMES:
                unknown[name] = None
    if unknown:
        found = ", ".join(f"`{name}`" for name in list(unknown)[:5])
        entries.odd(UNKNOWN_TIMES, f"expected times as `start` and `end`, got {found}")


def _objects(entries: JsonPlace) -> Iterator[JsonPlace]:
    """The objects of a list, `["hi", 0.5, 0.9]` made one."""
    if not isinstance(entries.value, list):
        raise entries.wrong("a list")
    for index, value in enumerate(entries.value):
        place = entries.child(index)
        made = as_object(value)
        if made is None:
            place.leave_out(place.wrong("an object"))
        else:
            yield place if made is value else JsonPlace(made, place.source, place.path, place.left_out)


def _read_entry(place: JsonPlace, counts: Counter[str], names: Names) -> Entry | None:
    kind = _kind(place)
    if kind == "spacing":
        return None
    if kind in _NO_WORDS:
        counts[word_rules.NON_WORDS] += 1
        return None
    words = _nested_words(place, counts, names)
    text_name = first_of(place.value, names.texts)
    # Of a segment with words, its text says nothing more.
    text = place.text(text_name or "text") if text_name or not words else ""
    start, end = read_times(place, names)
    speaker, channel = speaker_of(place), channel_of(place)
    estimated = place.value.get("times_estimated") is True
    return Entry(text, start, end, confidence_of(place, counts), speaker, channel, words, estimated)


def _kind(place: JsonPlace) -> str:
    kind = place.value.get("type") or place.value.get("Type")
    return kind.lower() if isinstance(kind, str) else ""


def _nested_words(place: JsonPlace, counts: Counter[str], names: Names) -> tuple[Word, ...]:
    for name in WORDS:
        value = place.value.get(name)
        if not isinstance(value, list) or not value:
            continue
        first = next((made for entry in value if (made := as_object(entry)) is not None), None)
        if first is None or first_of(first, names.texts) is None:
            continue
        return to_words(read_entries(place.child(name), counts, names), counts)
    return ()


def read_times(place: JsonPlace, names: Names = DEFAULT_NAMES) -> tuple[float | None, float | None]:
    """Returns when an entry starts and ends, in seconds; None for what is not known."""
    value = place.value
    for name in PAIRS:
        if is_pair(value.get(name)):
            pair = JsonPlace(
                {"start": value[name][0], "end": value[name][1]}, place.source, f"{place.path}.{name}", place.left_out
            )
            return place.in_order(pair.time(names.starts), pair.time(names.ends))
    start = place.time(names.starts)
    end = place.time(names.ends)
    if end is None and start is not None and first_of(value, names.ends) is None:
        duration = place.time(names.durations)
        # To the microsecond: sums of decimals have long tails.
        end = None if duration is None else round(start + duration, 6)
    return place.in_order(start, end)


def confidence_of(place: JsonPlace, counts: Counter[str]) -> float | None:
    """The confidence of an entry, 0 to 1; None where it has none, or one that is no share of 1, which is counted."""
    found = place.confidence(*CONFIDENCES)
    if found is None:
        logarithm = place.confidence(*LOG_CONFIDENCES)
        return None if logarithm is None else math.exp(min(logarithm, 0.0))
    if not 0 <= found <= 1:
        counts[word_rules.CONFIDENCES_OUT_OF_RANGE] += 1
        return None
    return found


def speaker_of(place: JsonPlace) -> str | None:
    """The speaker of an entry."""
    name = first_of(place.value, SPEAKERS)
    return None if name is None else to_label(place.value[name], "speaker")


def channel_of(place: JsonPlace) -> str | None:
    """The channel of an entry."""
    name = first_of(place.value, CHANNELS)
    return None if name is None else to_label(place.value[name], "channel")


def to_words(entries: Sequence[Entry], counts: Counter[str]) -> tuple[Word, ...]:
    """Words of entries that are one each, or pieces of one.

    Pieces are known by this: those that begin a word begin with a space, and others go on with it. An entry of several
    words gives each a share of its time.
    """
    spoken = [entry for entry in entries if entry.text.strip()]
    if 0 < len(spoken) < len(entries) and all(len(entry.text) <= 1 for entry in entries):
        return tuple(_words_of_letters(entries))
    counts[word_rules.EMPTY_WORDS] += len(entries) - len(spoken)
    begin = sum(entry.text[0].isspace() for entry in spoken[1:])
    has_pieces = begin and begin >= _MIN_BEGINNINGS * len(spoken[1:])
    if has_pieces and all(len(entry.text.split()) == 1 for entry in spoken):
        return tuple(word_rules.join_pieces([_word(entry, entry.text) for entry in spoken]))
    return tuple(word for entry in spoken for word in _words(entry))


def is_one_word(text: str) -> bool:
    """Returns whether a text is a word, perhaps with punctuation behind a space, as French has it."""
    return not any(character.isalnum() for token in text.split()[1:] for character in token)


def _words_of_letters(entries: Sequence[Entry]) -> Iterator[Word]:
    """Words of letters, as DeepSpeech gives them: with a space between two words."""
    letters: list[Entry] = []
    for entry in (*entries, Entry(" ")):
        if entry.text.strip():
            letters.append(entry)
        elif letters:
            start, end = letters[0].start_secs, letters[-1].end_secs or entry.start_secs
            is_ordered = start is None or end is None or end >= start
            text = "".join(letter.text for letter in letters)
            yield Word(text, start, end if is_ordered else None, speaker=letters[0].speaker)
            letters = []


def _words(entry: Entry) -> Sequence[Word]:
    tokens = entry.text.split()
    if is_one_word(entry.text):
        return (_word(entry, " ".join(tokens)),)
    if entry.start_secs is None or entry.end_secs is None:
        return [Word(token, speaker=entry.speaker) for token in tokens]
    words = word_rules.segment_words(entry.text, entry.start_secs, entry.end_secs)
    return [dataclasses.replace(word, confidence=entry.confidence, speaker=entry.speaker) for word in words]


def _word(entry: Entry, text: str) -> Word:
    return Word(text, entry.start_secs, entry.end_secs, entry.confidence, entry.times_estimated, entry.speaker)
