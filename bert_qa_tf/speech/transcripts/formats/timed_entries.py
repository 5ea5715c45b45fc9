"""Reads lists of timed words or segments, whatever a tool calls the parts of their entries.

An entry is an object with a text and times (`{"word": "hi", "start": 0.5, "end": 0.9}`), perhaps with a speaker, a
confidence and a list of its words, or a list such as `["hi", 0.5, 0.9]`. The names below are those that recognisers
write; `names` of `read_entries` has those that mean something else elsewhere.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddKind, Severity
from bert_qa_tf.speech.transcripts.formats import words as word_rules
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.json_times import (
    CENTISECONDS,
    MILLISECONDS,
    SECONDS,
    TICKS,
    to_label,
)
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS, Word

MILLISECOND_TIMES = OddKind(
    "millisecond_times", "transcripts whose times are whole numbers and too long for seconds, read as milliseconds"
)

CENTISECOND_TIMES = OddKind(
    "centisecond_times", "transcripts whose times are whole numbers and too long for seconds, read as hundredths"
)

TEXTS = (
    *("punctuated_word", "displayText", "display_text", "word", "text", "transcript", "transcription", "sentence"),
    *(
        "segment",
        "body",
        "content",
        "value",
        "utf8",
        "utterance",
        "caption",
        "line",
        "token",
        "Content",
        "Word",
        "Text",
        "name",
    ),
)
# Of a number, its unit; None where tools count something else (frames, characters) under this name.
_STARTS: dict[str, float | None] = {
    **dict.fromkeys(("start", "start_secs", "start_time", "start_time ", "startTime", "start_seconds"), SECONDS),
    **dict.fromkeys(("startSeconds", "startSecs", "start_sec", "startSec", "StartTime", "Start", "begin"), SECONDS),
    **dict.fromkeys(("begin_time", "beginTime", "time_begin", "time_start", "from", "ts", "time", "offset"), SECONDS),
    **dict.fromkeys(("start_ms", "startMs", "start_time_ms", "startTimeMs", "startTimeInMs"), MILLISECONDS),
    **dict.fromkeys(("offsetMilliseconds", "offsetInMs", "BeginOffsetMillis", "tStartMs", "begin_ms"), MILLISECONDS),
    **dict.fromkeys(("startMillis", "start_millis", "startOffsetMs", "offset_ms"), MILLISECONDS),
    "offsetInTicks": TICKS,
    **dict.fromkeys(("startOffset", "start_offset"), None),
}
_ENDS: dict[str, float | None] = {
    **dict.fromkeys(("end", "end_secs", "end_time", "endTime", "end_seconds", "endSeconds", "endSecs"), SECONDS),
    **dict.fromkeys(
        ("end_sec", "endSec", "EndTime", "End", "finish", "stop", "time_end", "to", "end_ts", "end_time "), SECONDS
    ),
    **dict.fromkeys(("end_ms", "endMs", "end_time_ms", "endTimeMs", "endTimeInMs", "EndOffsetMillis"), MILLISECONDS),
    **dict.fromkeys(("endMillis", "end_millis", "endOffsetMs", "endOffsetMilliseconds"), MILLISECONDS),
    **dict.fromkeys(("endOffset", "end_offset"), None),
}
_DURATIONS: dict[str, float | None] = {
    **dict.fromkeys(("duration", "dur", "Duration", "duration_secs", "duration_seconds"), SECONDS),
    **dict.fromkeys(("duration_ms", "durationMs", "durationMilliseconds", "durationInMs", "dDurationMs"), MILLISECONDS),
    "durationInTicks": TICKS,
}
# `[0.5, 0.9]`, in seconds.
_PAIRS = ("timestamp", "timestamps", "time", "times", "interval")
_CONFIDENCES = ("confidence", "conf", "score", "probability", "prob", "Confidence")
_LOG_CONFIDENCES = ("logprob", "log_prob")
_SPEAKERS = (
    *("speaker", "speaker_name", "speakerName", "speakerDisplayName", "speaker_label", "speakerLabel", "speaker_id"),
    *("speakerId", "speaker_tag", "speakerTag", "speaker_ID", "spk", "Speaker", "ParticipantRole", "participant"),
)
_CHANNELS = ("channel", "channel_id", "channelId", "channel_label", "channelTag", "channel_index", "channel_tag")
WORDS = ("words", "displayWords", "elements", "terms", "tokens", "items", "Items", "Words", "word_segments")

UNKNOWN_TIMES = OddKind(
    "unknown_times", "lists of words or segments whose times have unknown names, read without times", Severity.WARNING
)

# Numbers that are no times.
_NO_TIMES = frozenset(
    (
        *_CONFIDENCES,
        *_LOG_CONFIDENCES,
        *_SPEAKERS,
        *_CHANNELS,
        *_DURATIONS,
        *("id", "index", "p", "speaker_confidence", "acAsrConf", "tOffsetMs", "seek", "temperature", "avg_logprob"),
        *("start_offset", "end_offset", "startOffset", "endOffset", "compression_ratio", "no_speech_prob"),
        *("language_probability", "wWinId", "aAppend", "avg_logprob"),
    )
)

_PUNCTUATION = ("punct", "punctuation")
_NO_WORDS = ("audio_event", "unknown", "silence", "noise", "sound")
# Speech has about 15 characters a second, and a word or a caption with whole seconds one at least.
_MIN_CHARS_PER_SEC, _MIN_CHARS_PER_CENTISECOND = 0.5, 0.05
_MIN_SECS = 100


# Of pieces of words, the share that begins a word. A stray space makes no pieces of whole words.
_MIN_BEGINNINGS = 0.2


class Names(NamedTuple):
    """What a tool calls the parts of its entries, where that is not what it is called elsewhere.

    Attributes:
      starts: names → how many of a number's unit make a second; likewise for the ends and the durations.
      texts: names, the first that an entry has counts.
    """

    starts: Mapping[str, float | None] = _STARTS
    ends: Mapping[str, float | None] = _ENDS
    durations: Mapping[str, float | None] = _DURATIONS
    texts: Sequence[str] = TEXTS

    def scaled(self, unit: float) -> Names:
        """The same, where numbers without a unit in their name are in this one."""

        def scale(units: Mapping[str, float | None]) -> dict[str, float | None]:
            return {name: unit if of == SECONDS else of for name, of in units.items()}

        return self._replace(starts=scale(self.starts), ends=scale(self.ends), durations=scale(self.durations))


DEFAULT_NAMES = Names()


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
    names = _with_unit(entries, places, names)
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


def _with_unit(entries: JsonPlace, places: Sequence[JsonPlace], names: Names) -> Names:
    unit = _unit_of([place.value for place in places], names)
    if unit == SECONDS:
        return names
    kind = MILLISECOND_TIMES if unit == MILLISECONDS else CENTISECOND_TIMES
    odd_items.add(kind, entries.source, entries.path)
    return names.scaled(unit)


def _report_unknown_times(entries: JsonPlace, places: Sequence[JsonPlace], names: Names) -> None:
    """A list of numbers that nobody reads may be one of times."""
    if any(_has_time(place.value, names.starts, names.ends) for place in places):
        return
    unknown: dict[str, None] = {}
    for place in places:
        for name, value in place.value.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and name not in _NO_TIMES:
                unknown[name] = None
    if unknown:
        found = ", ".join(f"`{name}`" for name in list(unknown)[:5])
        entries.odd(UNKNOWN_TIMES, f"expected times as `start` and `end`, got {found}")


def _unit_of(entries: Sequence[Mapping[str, Any]], names: Names) -> float:
    """The unit of times without one in their name: seconds, unless they are whole and nobody speaks as slowly."""
    starts, secs, chars = [], 0, 0
    for entry in entries:
        text, start = first_of(entry, names.texts), first_of(entry, names.starts)
        if text is None or start is None or names.starts[start] != SECONDS or not isinstance(entry[text], str):
            continue
        begins = _whole(entry[start])
        if begins is None:
            return SECONDS
        starts.append(begins)
        chars += len(entry[text])
        end, duration = first_of(entry, names.ends), first_of(entry, names.durations)
        if end is not None:
            secs += max((_whole(entry[end]) or begins) - begins, 0)
        elif duration is not None and names.durations[duration] == SECONDS:
            secs += _whole(entry[duration]) or 0
    secs = secs or (max(starts) - min(starts) if starts else 0)
    if secs <= _MIN_SECS or chars > secs * _MIN_CHARS_PER_SEC:
        return SECONDS
    return CENTISECONDS if chars > secs * _MIN_CHARS_PER_CENTISECOND else MILLISECONDS


def _whole(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)
    # 30.0 is of a tool that counts seconds.
    return value if type(value) is int and abs(value) <= MAX_SECS * MILLISECONDS else None


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


def as_object(value: Any) -> Mapping[str, Any] | None:
    """An entry as an object; None where it is none, and no list that stands for one.

    Such lists are a text and two times (`["hi", 0.5, 0.9]`, in any order), and what faster-whisper's tuples become in
    JSON: `[start, end, word, probability]`, and `[id, seek, start, end, text, …, words]`.
    """
    if isinstance(value, dict):
        lines = value.get("lines")  # of aeneas
        if isinstance(lines, list) and "text" not in value and all(isinstance(line, str) for line in lines):
            return {**value, "text": " ".join(lines)}
        return value
    if not isinstance(value, list):
        return None
    kinds = "".join("t" if isinstance(part, str) else "n" if _is_number(part) else "-" for part in value[:5])
    if len(value) == 3 and sorted(kinds) == ["n", "n", "t"]:
        start, end = (part for part in value if not isinstance(part, str))
        return {"text": value[kinds.index("t")], "start": start, "end": end}
    if len(value) == 4 and kinds == "nntn":
        return {"start": value[0], "end": value[1], "text": value[2], "probability": value[3]}
    if len(value) > 5 and kinds == "nnnnt":
        words = next((part for part in value[5:] if isinstance(part, list) and part and as_object(part[0])), None)
        return {"start": value[2], "end": value[3], "text": value[4], "words": words}
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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
    """When an entry starts and ends, in seconds; None for what is not known."""
    value = place.value
    for name in _PAIRS:
        if isinstance(value.get(name), list) and len(value[name]) == 2:
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
    found = place.confidence(*_CONFIDENCES)
    if found is None:
        logarithm = place.confidence(*_LOG_CONFIDENCES)
        return None if logarithm is None else math.exp(min(logarithm, 0.0))
    if not 0 <= found <= 1:
        counts[word_rules.CONFIDENCES_OUT_OF_RANGE] += 1
        return None
    return found


def speaker_of(place: JsonPlace) -> str | None:
    """The speaker of an entry."""
    name = first_of(place.value, _SPEAKERS)
    return None if name is None else to_label(place.value[name], "speaker")


def channel_of(place: JsonPlace) -> str | None:
    """The channel of an entry."""
    name = first_of(place.value, _CHANNELS)
    return None if name is None else to_label(place.value[name], "channel")


def first_of(entry: Mapping[str, Any], names: Any) -> str | None:
    """The first of these names that an entry has, with a value that is not null."""
    for name in names:
        if entry.get(name) is not None:
            return name
    return None


def has_time(entry: Mapping[str, Any]) -> bool:
    """Whether an entry says when it starts, or ends."""
    return _has_time(entry, _STARTS, _ENDS)


def _has_time(entry: Mapping[str, Any], *names: Mapping[str, float | None]) -> bool:
    if any(isinstance(entry.get(name), list) and len(entry[name]) == 2 for name in _PAIRS):
        return True
    return any(
        isinstance(entry[name], int | float | str | dict) and not isinstance(entry[name], bool)
        for units in names
        if (name := first_of(entry, units)) is not None and (units[name] or not isinstance(entry[name], int | float))
    )


def has_speaker(entry: Mapping[str, Any]) -> bool:
    """Whether an entry names a speaker."""
    return first_of(entry, _SPEAKERS) is not None


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
    """Whether a text is a word, perhaps with punctuation behind a space, as French has it."""
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
