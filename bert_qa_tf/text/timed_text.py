"""Defines texts with the times at which their parts were said, and formats these times.

Tasks answer questions about such a text without knowing where it comes from: a transcript file
(`speech/transcripts/cleaned_transcript.py`) or a recording that was recognised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

# Recognisers' frames are 10 ms long; JSON keeps one digit more.
_TIME_DECIMALS = 3


class TimedSpan(Protocol):
    """What was said in a part of a text, its place in the whole transcript, and its times."""

    @property
    def text(self) -> str:
        """The text as it was said, including anything that cleaning removed from its middle."""

    @property
    def start_char(self) -> int:
        """Where it starts in the whole transcript, in code points."""

    @property
    def end_char(self) -> int:
        """Where it ends in the whole transcript, exclusive."""

    @property
    def start_secs(self) -> float | None:
        """None where no time is known."""

    @property
    def end_secs(self) -> float | None:
        """None where no time is known."""

    @property
    def times_estimated(self) -> bool:
        """Whether the seconds were worked out, not measured."""

    @property
    def speaker(self) -> str | None:
        """Who says it; None where that is not known, or where several do."""


class TimedText(Protocol):
    """A text to ask questions about, with the times at which it was said."""

    @property
    def text(self) -> str:
        """The text to ask about."""

    def said(self, start_char: int, end_char: int) -> TimedSpan:
        """Returns what was said in this span of `text`, given in code points."""


# A function that reads the file with a given name.
ReadTimedText = Callable[[str], TimedText]


def clock(secs: float) -> str:
    """Formats seconds as minutes and seconds, with hours if needed.

    >>> clock(3.04), clock(59.96), clock(3723.5)
    ('00:03.0', '01:00.0', '1:02:03.5')
    """
    tenths = round(secs * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    shown = f"{minutes:02d}:{tenths / 10:04.1f}"
    return f"{hours}:{shown}" if hours else shown


def time_fields(said: TimedSpan) -> dict[str, Any]:
    """The times and the speaker as fields of a JSON line; only what is known of them."""
    speaker = {} if said.speaker is None else {"speaker": said.speaker}
    if said.start_secs is None or said.end_secs is None:
        return speaker
    fields: dict[str, Any] = {
        "start_secs": round(said.start_secs, _TIME_DECIMALS),
        "end_secs": round(said.end_secs, _TIME_DECIMALS),
    }
    return fields | ({"times_estimated": True} if said.times_estimated else {}) | speaker
