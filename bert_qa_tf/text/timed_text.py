"""Texts that were spoken: what an answer needs to know of them to say when it was said.

What goes in: whatever reads transcripts or recognises speech, through the protocols below; neither is imported here.
What comes out: the seconds of an answer, as a person reads them and as fields of a JSON line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

# Recognisers' frames are 10 ms long; JSON keeps a digit more.
_TIME_DECIMALS = 3


class SaidSpan(Protocol):
    """What was said, where it stands in the transcript, and when (see `speech/transcripts/cleaned_text.py`)."""

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


class SpokenContext(Protocol):
    """A text to ask about that knows when it was said."""

    @property
    def text(self) -> str:
        """What to ask about."""

    def said(self, start_char: int, end_char: int) -> SaidSpan:
        """What was said where `text` has this span of code points."""


ReadSpoken = Callable[[str], SpokenContext]


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


def time_fields(said: SaidSpan) -> dict[str, Any]:
    """The seconds as fields of a JSON line; none where they are not known."""
    if said.start_secs is None or said.end_secs is None:
        return {}
    fields: dict[str, Any] = {
        "start_secs": round(said.start_secs, _TIME_DECIMALS),
        "end_secs": round(said.end_secs, _TIME_DECIMALS),
    }
    return fields | ({"times_estimated": True} if said.times_estimated else {})
