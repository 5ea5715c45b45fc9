"""Reads TTML, the captions of broadcasters and streaming services: DFXP, IMSC, iTT, EBU-TT, SMPTE-TT.

Times of a text are relative to those of what it is in. An agent of an element (`ttm:agent`) is the speaker.

Source: W3C, "Timed Text Markup Language 2".
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from xml.parsers import expat

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddKind, Severity
from bert_qa_tf.speech.transcripts.formats.caption_times import UNTIMED_CAPTIONS
from bert_qa_tf.speech.transcripts.formats.stretches import Run, Stretch, stretch_words
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS, Transcript, Word
from bert_qa_tf.text.surrogates import replace_surrogates

CUT_XML = OddKind("cut_xml", "files whose XML ends or breaks in the middle, read up to there", Severity.WARNING)

_ROOT = re.compile(r"<(?:[\w.-]{1,40}:)?tt[\s>]")
_CLOCK = re.compile(r"(\d{1,6}):(\d\d):(\d\d)(?:\.(\d{1,9})|:(\d{1,3})(?:\.\d{1,3})?)?")
_OFFSET = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)(h|m|s|ms|f|t)")
_SEPARATOR = "}"
_DEFAULT_FRAME_RATE = 30


@dataclasses.dataclass
class _Element:
    """An element that is open.

    Attributes:
      name: without its namespace.
      start: when it begins, in seconds; None where its time cannot be read.
      end: when it ends; None where nothing says.
      is_timed: whether it or what it is in says a time.
      agent: the identifier of who speaks.
      is_sequence: whether what is in it follows each other in time.
      reached: in a sequence, when the last one ended.
    """

    name: str
    start: Fraction | None
    end: Fraction | None
    is_timed: bool = False
    agent: str | None = None
    is_sequence: bool = False
    reached: Fraction | None = None


@dataclasses.dataclass
class _Piece:
    """Text with the times and the agent of the element that it is directly in."""

    text: str
    start: Fraction | None
    end: Fraction | None
    agent: str | None


def is_ttml(text: str) -> bool:
    """Returns whether text is XML whose root is TTML's."""
    return text.lstrip("\ufeff \t\r\n").startswith("<") and _ROOT.search(text, 0, 5_000) is not None


def read_ttml(text: str, source: str, counts: Counter[str]) -> Transcript:
    """Reads TTML in the order of the file.

    Raises:
      InputError: it is no XML, or its root is another; names the line.
    """
    reader = _Reader(source)
    reader.read(text.lstrip("\ufeff \t\r\n"))
    return Transcript(tuple(reader.words()))


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._open: list[_Element] = []
        self._inside: Counter[str] = Counter()
        # Paragraphs, each a list of pieces.
        self._paragraphs: list[list[_Piece]] = []
        self._names: dict[str, list[str]] = {}
        self._agent: str | None = None
        self._rate = Fraction(_DEFAULT_FRAME_RATE)
        self._ticks = Fraction(1)
        self._parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._finish
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = self._entity

    def read(self, text: str) -> None:
        try:
            self._parser.Parse(replace_surrogates(text), True)
        except expat.ExpatError as error:
            line = error.lineno
            problem = f"not XML ({expat.errors.messages.get(error.code, error.code)})"
            if not any(piece.text.strip() for pieces in self._paragraphs for piece in pieces):
                raise InputError(f"{self._source}:{line}: {problem}, expected TTML") from error
            odd_items.add(CUT_XML, self._source, f"line {line}", problem)

    def words(self) -> Iterator[Word]:
        previous: list[_Piece] = []
        for pieces in self._paragraphs:
            # The same paragraph again, for another part of the screen.
            if pieces != previous:
                yield from stretch_words(self._stretches(pieces))
            previous = pieces

    def _stretches(self, pieces: list[_Piece]) -> Iterator[Stretch]:
        runs: list[Run] = []
        for index, piece in enumerate(pieces):
            runs.append(Run(piece.text, self._speaker(piece.agent)))
            following = pieces[index + 1] if index + 1 < len(pieces) else None
            if following is None or (following.start, following.end) != (piece.start, piece.end):
                yield Stretch(runs, *_as_seconds(piece.start, piece.end))
                runs = []

    def _speaker(self, agent: str | None) -> str | None:
        if not agent:
            return None
        name = " ".join("".join(self._names.get(agent, [])).split())
        return name or agent

    def _entity(self, name: str, *_: object) -> None:
        raise InputError(f"{self._place()}: declares the entity {name[:40]!r}, which is not read in captions")

    def _place(self) -> str:
        return f"{self._source}:{self._parser.CurrentLineNumber}"

    def _begin(self, name: str, attributes: Mapping[str, str]) -> None:
        name = _local(name)
        values = {_local(key): value for key, value in attributes.items()}
        if not self._open:
            if name != "tt":
                raise InputError(f"{self._place()}: expected the element tt of TTML, got {name[:40]!r}")
            self._set_rates(values)
        if name == "agent":
            self._agent = values.get("id")
        parent = self._open[-1] if self._open else _Element("", Fraction(0), None)
        element = self._element(name, values, parent)
        if name == "p" and self._inside["body"]:
            self._paragraphs.append([])
        self._open.append(element)
        self._inside[name] += 1
        if name == "br":
            self._characters("\n")

    def _element(self, name: str, values: Mapping[str, str], parent: _Element) -> _Element:
        agent = (values.get("agent") or "").split(" ")[0] or parent.agent
        is_sequence = values.get("timeContainer") == "seq"
        begins = parent.start
        if parent.is_sequence and parent.reached is not None:
            begins = parent.reached
        times = {key: values[key] for key in ("begin", "end", "dur") if key in values}
        secs = {key: self._secs(value) for key, value in times.items()}
        wrong = next((times[key] for key in times if secs[key] is None), None)
        if wrong is not None:
            self._untimed(f"expected times such as 00:01:02.500, got {wrong[:40]!r}")
            return _Element(name, None, None, True, agent, is_sequence)
        start = None if begins is None else begins + secs.get("begin", Fraction(0))
        end = None
        if begins is not None:
            ends = [begins + secs["end"]] if "end" in secs else []
            ends += [start + secs["dur"]] if "dur" in secs else []
            ends += [parent.end] if parent.end is not None else []
            end = min(ends, default=None)
        if end is not None and end < start:
            found = ", ".join(f"{key}={value[:20]}" for key, value in times.items())
            self._untimed(f"ends before it starts: {found}")
            start = end = None
        return _Element(name, start, end, bool(times) or parent.is_timed, agent, is_sequence, start)

    def _untimed(self, problem: str) -> None:
        odd_items.add(UNTIMED_CAPTIONS, self._source, f"line {self._parser.CurrentLineNumber}", problem)

    def _finish(self, name: str) -> None:
        element = self._open.pop()
        self._inside[element.name] -= 1
        if element.name == "agent":
            self._agent = None
        if self._open and self._open[-1].is_sequence:
            self._open[-1].reached = element.end

    def _characters(self, text: str) -> None:
        inner = self._open[-1]
        if inner.name == "name" and self._agent is not None:
            self._names.setdefault(self._agent, []).append(text)
        if not self._paragraphs or not self._inside["p"] or self._inside["metadata"]:
            return
        if inner.name in ("p", "span", "br"):
            start, end = (inner.start, inner.end) if inner.is_timed else (None, None)
            self._paragraphs[-1].append(_Piece(text, start, end, inner.agent))

    def _set_rates(self, values: Mapping[str, str]) -> None:
        rate = _number(values.get("frameRate"))
        numbers = [_number(part) for part in re.split(r"[ :]", values.get("frameRateMultiplier", "1 1").strip())]
        multiplier = Fraction(1)
        if len(numbers) == 2 and all(numbers):
            multiplier = numbers[0] / numbers[1]
        self._rate = (rate or Fraction(_DEFAULT_FRAME_RATE)) * multiplier
        self._ticks = _number(values.get("tickRate")) or (self._rate if rate else Fraction(1))

    def _secs(self, text: str) -> Fraction | None:
        """Seconds of a clock time or an offset; None for anything else."""
        text = text.strip()
        clock = _CLOCK.fullmatch(text)
        if clock:
            hours, minutes, secs, fraction, frames = clock.groups()
            whole = (int(hours) * 60 + int(minutes)) * 60 + int(secs)
            found = whole + (Fraction(f"0.{fraction}") if fraction else Fraction(int(frames or 0)) / self._rate)
        else:
            offset = _OFFSET.fullmatch(text)
            if not offset:
                return None
            units = {
                "h": Fraction(3600),
                "m": Fraction(60),
                "s": Fraction(1),
                "ms": Fraction(1, 1000),
                "f": 1 / self._rate,
                "t": 1 / self._ticks,
            }
            found = Fraction(offset[1]) * units[offset[2]]
        return found if found <= MAX_SECS else None


def _as_seconds(start: Fraction | None, end: Fraction | None) -> tuple[float | None, float | None]:
    """Rounded to milliseconds; None for both where one of them is beyond any recording."""
    if max(start or 0, end or 0) > MAX_SECS:
        return None, None
    return tuple(None if secs is None else round(float(secs), 3) for secs in (start, end))


def _local(name: str) -> str:
    return name.rpartition(_SEPARATOR)[2]


def _number(text: str | None) -> Fraction | None:
    return Fraction(int(text)) if text and text.strip().isdecimal() and len(text) < 10 and int(text) else None
