"""Defines texts that know when each part of them was said, and shows these times.

Tasks answer questions about such a text without knowing where it comes from. Transcripts of files are one kind
(`speech/transcripts/cleaned_transcript.py`); what was recognised in a recording is another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

# Recognisers' frames are 10 ms long; JSON keeps a digit more.
_TIME_DECIMALS = 3


class TimedSpan(Protocol):
    """What was said in a part of a text, where it stands in the whole transcript, and when."""

    @property
    def text(self) -> str:
        """As it was said; cleaning may have taken something out of its middle."""

    @property
    def start_char(self) -> int:
        """Into the whole transcript, in code points."""

    @property
    def end_char(self) -> int:
        """Exclusive."""

    @property
    def start_secs(self) -> float | None:
        """None where no time is known."""

    @property
    def end_secs(self) -> float | None:
        """None where no time is known."""

    @property
    def times_estimated(self) -> bool:
        """Whether the seconds were worked out, not measured."""


class TimedText(Protocol):
    """A text to ask questions about that knows when it was said."""

    @property
    def text(self) -> str:
        """What to ask about."""

    def said(self, start_char: int, end_char: int) -> TimedSpan:
        """What was said where `text` has this span of code points."""


# Reads the file of a given name.
ReadTimedText = Callable[[str], TimedText]


def clock(secs: float) -> str:
    """Seconds as minutes and seconds, with hours where there are some.

    >>> clock(3.04), clock(59.96), clock(3723.5)
    ('00:03.0', '01:00.0', '1:02:03.5')
    """
    tenths = round(secs * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    shown = f"{minutes:02d}:{tenths / 10:04.1f}"
    return f"{hours}:{shown}" if hours else shown


def time_fields(said: TimedSpan) -> dict[str, Any]:
    """The seconds as fields of a JSON line; none where they are not known."""
    if said.start_secs is None or said.end_secs is None:
        return {}
    fields: dict[str, Any] = {
        "start_secs": round(said.start_secs, _TIME_DECIMALS),
        "end_secs": round(said.end_secs, _TIME_DECIMALS),
    }
    return fields | ({"times_estimated": True} if said.times_estimated else {})
