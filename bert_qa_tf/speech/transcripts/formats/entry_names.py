"""Lists the names that recognisers give the parts of a timed word or segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bert_qa_tf.speech.transcripts.formats.json_times import MILLISECONDS, SECONDS, TICKS

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
    # "00:05:32" of meetings; a number is as likely one of seconds since 1970.
    **dict.fromkeys(("timestamp", "time_stamp", "timecode"), None),
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
PAIRS = ("timestamp", "timestamps", "time", "times", "interval")
CONFIDENCES = ("confidence", "conf", "score", "probability", "prob", "Confidence")
LOG_CONFIDENCES = ("logprob", "log_prob")
SPEAKERS = (
    *("speaker", "speaker_name", "speakerName", "speakerDisplayName", "speaker_label", "speakerLabel", "speaker_id"),
    *("speakerId", "speaker_tag", "speakerTag", "speaker_ID", "spk", "Speaker", "ParticipantRole", "participant"),
)
CHANNELS = ("channel", "channel_id", "channelId", "channel_label", "channelTag", "channel_index", "channel_tag")
WORDS = ("words", "displayWords", "elements", "terms", "tokens", "items", "Items", "Words", "word_segments")
# Numbers that are no times.
NO_TIMES = frozenset(
    (
        *CONFIDENCES,
        *LOG_CONFIDENCES,
        *SPEAKERS,
        *CHANNELS,
        *_DURATIONS,
        *("id", "index", "p", "speaker_confidence", "acAsrConf", "tOffsetMs", "seek", "temperature", "avg_logprob"),
        *("start_offset", "end_offset", "startOffset", "endOffset", "compression_ratio", "no_speech_prob"),
        *("language_probability", "wWinId", "aAppend"),
    )
)


class Names(NamedTuple):
    """The names that a tool gives the parts of its entries, where they mean something else elsewhere.

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


def first_of(entry: Mapping[str, Any], names: Any) -> str | None:
    """The first of these names that an entry has, with a value that is not null."""
    for name in names:
        if entry.get(name) is not None:
            return name
    return None


def is_pair(value: Any) -> bool:
    """Returns whether a value is a start and an end, and no list of such pairs."""
    return isinstance(value, list) and len(value) == 2 and not any(isinstance(part, list) for part in value)


def has_time(entry: Mapping[str, Any]) -> bool:
    """Returns whether an entry says when it starts, or ends."""
    return has_time_as(entry, _STARTS, _ENDS)


def has_time_as(entry: Mapping[str, Any], *names: Mapping[str, float | None]) -> bool:
    """Returns whether an entry has a time under one of these names, or a pair of times."""
    if any(is_pair(entry.get(name)) for name in PAIRS):
        return True
    return any(
        isinstance(entry[name], int | float | str | dict) and not isinstance(entry[name], bool)
        for units in names
        if (name := first_of(entry, units)) is not None and (units[name] or not isinstance(entry[name], int | float))
    )


def has_speaker(entry: Mapping[str, Any]) -> bool:
    """Returns whether an entry names a speaker."""
    return first_of(entry, SPEAKERS) is not None
