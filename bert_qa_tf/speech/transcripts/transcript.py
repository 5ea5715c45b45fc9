"""Defines transcripts: words with their times, the text that they make, and when each span of it was said."""

from __future__ import annotations

import dataclasses
import functools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bert_qa_tf.errors import InputError

# Times are kept to the millisecond: recognisers' frames are 10 ms long.
_TIME_DECIMALS = 3
# Of any time in a recording: three years. Beyond it, milliseconds are lost in rounding, or overflow.
MAX_SECS = 1e8


class TimeSpan(NamedTuple):
    """From when to when, in seconds from the beginning of the recording."""

    start_secs: float
    end_secs: float


@dataclasses.dataclass(frozen=True, slots=True)
class Word:
    """One word as it was heard.

    Attributes:
      text: without white space at its ends; a recogniser may glue punctuation to it.
      start_secs: when it begins; None where that is not known.
      end_secs: when it ends; None where that is not known.
      confidence: the recogniser's own, 0 to 1; None where it has none.
      times_estimated: the times were worked out from those of a longer stretch (see `word_times.py`), not measured.
      speaker: who says it, by the name or the label that the file has; None where it has none.
    """

    text: str
    start_secs: float | None = None
    end_secs: float | None = None
    confidence: float | None = None
    times_estimated: bool = False
    speaker: str | None = None


@dataclasses.dataclass(frozen=True)
class Transcript:
    """Words in the order they were said.

    Attributes:
      words: none of them empty.
      duration_secs: of the whole recording; None where it is not known.
      damage: what shows that the recording was cut off or damaged, so that words may be missing; None if nothing does.
    """

    words: tuple[Word, ...]
    duration_secs: float | None = None
    damage: str | None = None

    @functools.cached_property
    def text(self) -> str:
        """The words with one space between them: the context to ask questions about."""
        return " ".join(word.text for word in self.words)

    @functools.cached_property
    def start_chars(self) -> list[int]:
        """Where each word begins in `text`, in code points."""
        starts, place = [], 0
        for word in self.words:
            starts.append(place)
            place += len(word.text) + 1
        return starts

    def words_between(self, start_char: int, end_char: int) -> tuple[Word, ...]:
        """The words that a span of `text` touches.

        Args:
          start_char: first code point of the span.
          end_char: one past its last; an empty span touches nothing.
        """
        if end_char <= start_char:
            return ()
        first = max(bisect_right(self.start_chars, start_char) - 1, 0)
        if first < len(self.words) and start_char >= self.start_chars[first] + len(self.words[first].text):
            first += 1  # the span begins at the space behind that word
        return self.words[first : bisect_left(self.start_chars, end_char)]

    def time_of(self, start_char: int, end_char: int) -> TimeSpan | None:
        """When a span of `text` is said; None where it touches no word, or none whose times are known.

        >>> transcript = Transcript((Word("call", 0.5, 0.8), Word("nora", 0.9, 1.3)))
        >>> transcript.time_of(5, 9)
        TimeSpan(start_secs=0.9, end_secs=1.3)
        """
        touched = self.words_between(start_char, end_char)
        starts = [word.start_secs for word in touched if word.start_secs is not None]
        ends = [word.end_secs for word in touched if word.end_secs is not None]
        return TimeSpan(min(starts), max(ends)) if starts and ends else None

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it: `text`, `duration_secs`, `damage` and `words`, each with what is known of it."""
        words = [
            {"text": word.text}
            | {
                name: round(value, _TIME_DECIMALS)
                for name in ("start_secs", "end_secs", "confidence")
                if (value := getattr(word, name)) is not None
            }
            | ({"times_estimated": True} if word.times_estimated else {})
            | ({} if word.speaker is None else {"speaker": word.speaker})
            for word in self.words
        ]
        duration = {} if self.duration_secs is None else {"duration_secs": round(self.duration_secs, _TIME_DECIMALS)}
        damage = {} if self.damage is None else {"damage": self.damage}
        return {"text": self.text, **duration, **damage, "words": words}


def from_json(value: Any, source: str) -> Transcript:
    """A transcript as `Transcript.to_json` gives it.

    Args:
      value: of `json_text.parse`.
      source: the file it comes from, for messages.

    Raises:
      InputError: it has another shape; names the word.
    """
    if not isinstance(value, Mapping) or not isinstance(value.get("words"), list):
        raise InputError(f"{source}: expected an object with `words`, a list")
    duration = value.get("duration_secs")
    if duration is not None and not _is_seconds(duration):
        raise InputError(f"{source}: expected `duration_secs` as seconds, got {duration!r}")
    return Transcript(tuple(_words(value["words"], source)), duration)


def _words(entries: Iterable[Any], source: str) -> Iterable[Word]:
    for index, entry in enumerate(entries):
        where = f"{source}: words[{index}]"
        if not isinstance(entry, Mapping) or not isinstance(entry.get("text"), str) or not entry["text"].strip():
            raise InputError(f"{where}: expected an object with a `text` that is not empty")
        known = {name: entry.get(name) for name in ("start_secs", "end_secs", "confidence")}
        for name, number in known.items():
            if number is not None and not _is_seconds(number):
                raise InputError(f"{where}: expected `{name}` as a number of at least 0, got {number!r}")
        start, end = known["start_secs"], known["end_secs"]
        if start is not None and end is not None and end < start:
            raise InputError(f"{where}: ends at {end} s, before it starts at {start} s")
        estimated = entry.get("times_estimated", False)
        if not isinstance(estimated, bool):
            raise InputError(f"{where}: expected `times_estimated` as true or false, got {estimated!r}")
        speaker = entry.get("speaker")
        if speaker is not None and not isinstance(speaker, str):
            raise InputError(f"{where}: expected `speaker` as text, got {speaker!r}")
        yield Word(entry["text"].strip(), **known, times_estimated=estimated, speaker=speaker)


def _is_seconds(value: Any) -> bool:
    # NaN compares false with everything.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_SECS
