"""Reads what WebVTT, SRT and SBV have in common: lines of times, and below each the text of a caption.

Captions stay in the order of the file. A damaged caption costs itself alone: it is left out or loses its time, and is
counted. `webvtt.py`, `subrip.py` and `sbv.py` know what a line may hold beside text.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Sequence

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddKind, Severity
from bert_qa_tf.speech.transcripts.formats.caption_times import (
    UNREADABLE_CAPTIONS,
    UNTIMED_CAPTIONS,
    WITH_ARROW,
    Notation,
    read_spans,
    wrong_times,
)

Line = tuple[int, str]

BLANK_LINES = OddKind("blank_lines", "captions with a blank line in them, read as one")
STRAY_LINES = OddKind("stray_lines", "lines before the first caption, left out", Severity.WARNING)


@dataclasses.dataclass(frozen=True)
class Caption:
    """One caption.

    Attributes:
      line_number: of its times, from 1.
      start_secs: when it appears; None if it has no time that can be.
      end_secs: when it goes; likewise.
      lines: what stands below its times, as it is in the file.
    """

    line_number: int
    start_secs: float | None
    end_secs: float | None
    lines: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Syntax:
    """The syntax of the captions of a format.

    Attributes:
      notation: how it writes times.
      is_numbered: whether captions are numbered, so that a number may begin one whose times are missing.
      has_names: whether a line above the times, below a blank line, is the caption's name.
      keeps_unreadable: whether a caption keeps its words if its times cannot be read; else it is left out.
      may_be_empty: whether a file without captions is one of this format.
    """

    notation: Notation = WITH_ARROW
    is_numbered: bool = False
    has_names: bool = True
    keeps_unreadable: bool = True
    may_be_empty: bool = False


def split_lines(text: str) -> list[Line]:
    """Lines with their numbers, whatever ends them."""
    return list(enumerate(re.split(r"\r\n|\r|\n", text), start=1))


def read_captions(lines: Sequence[Line], source: str, syntax: Syntax) -> list[Caption]:
    """Reads captions; what is odd about them is counted.

    Raises:
      InputError: naming the line: there is text and no times above any, or none of the times can be read.
    """
    marks = [index for index, (_, line) in enumerate(lines) if syntax.notation.is_meant(line)]
    heads = [_head(lines, mark, before, syntax) for before, mark in itertools.pairwise([-1, *marks])]
    before = [*_before_the_first(lines[: heads[0] if heads else len(lines)], lines, marks, source, syntax)]
    if not marks:
        return []
    spans = read_spans([lines[mark] for mark in marks], source, syntax.notation)
    found = [Caption(number, None, None, text) for number, text in before]
    ends = [*heads[1:], len(lines)]
    for place, (head, mark, end, span) in enumerate(zip(heads, marks, ends, spans, strict=True)):
        following = _number(lines, ends[place], marks[place + 1]) if place + 1 < len(marks) else None
        texts = list(_split_at_numbers(lines[mark + 1 : end], _number(lines, head, mark), following, syntax))
        number = lines[mark][0]
        if not span.is_readable and not syntax.keeps_unreadable:
            odd_items.add(UNREADABLE_CAPTIONS, source, f"line {number}", span.problem)
            texts = texts[1:]
        else:
            if span.problem:
                odd_items.add(UNTIMED_CAPTIONS, source, f"line {number}", span.problem)
            found.append(Caption(number, span.start_secs, span.end_secs, _text(texts[0], source)))
            texts = texts[1:]
        for text in texts:
            place_of_number = text[0][0]
            odd_items.add(UNTIMED_CAPTIONS, source, f"line {place_of_number}", "a number with no times below it")
            found.append(Caption(place_of_number, None, None, _text(text[1:], source)))
    return found


def _head(lines: Sequence[Line], mark: int, before: int, syntax: Syntax) -> int:
    """Returns where the caption begins whose times are at `mark`: at its number or name, if it has one.

    Args:
      lines: of the file.
      mark: the place of its times.
      before: that of the times before it, or -1.
      syntax: whether there may be names.
    """
    above = mark - 1
    if above <= before or not lines[above][1].strip():
        return mark
    is_apart = above == 0 or (above - 1 > before and not lines[above - 1][1].strip())
    return above if syntax.has_names and (is_apart or _as_number(lines[above][1]) is not None) else mark


def _as_number(line: str) -> int | None:
    line = line.strip()
    # Of thousands of digits Python makes no number.
    return int(line) if line.isdecimal() and len(line) < 10 else 0 if line.isdecimal() else None


def _number(lines: Sequence[Line], head: int, mark: int) -> int | None:
    return _as_number(lines[head][1]) if head < mark else None


def _before_the_first(
    lines: Sequence[Line], all_lines: Sequence[Line], marks: Sequence[int], source: str, syntax: Syntax
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Captions without times at the beginning of the file; counts the lines that belong to none."""
    kept = [line for line in lines if line[1].strip()]
    if not kept:
        return
    if not marks and not syntax.may_be_empty:
        raise InputError(f"{source}:{kept[0][0]}: {wrong_times(kept[0][1], syntax.notation)}")
    first = _as_number(kept[0][1])
    following = _number(all_lines, len(lines), marks[0]) if marks else None
    if syntax.is_numbered and first is not None and following is not None and first + 1 == following:
        odd_items.add(UNTIMED_CAPTIONS, source, f"line {kept[0][0]}", "a number with no times below it")
        yield kept[0][0], tuple(line for _, line in kept[1:])
        return
    odd_items.add(STRAY_LINES, source, f"line {kept[0][0]}", wrong_times(kept[0][1], syntax.notation), times=len(kept))


def _split_at_numbers(
    lines: Sequence[Line], number: int | None, following: int | None, syntax: Syntax
) -> Iterator[Sequence[Line]]:
    """Cuts the text of a caption where the number of another begins whose times are missing.

    Args:
      lines: below the times.
      number: of the caption.
      following: of the next caption that has times; a number that is the same is text.
      syntax: whether captions are numbered.
    """
    first = 0
    if syntax.is_numbered and number is not None:
        for index in range(1, len(lines)):
            at = _as_number(lines[index][1])
            if at == number + 1 and at != following and not lines[index - 1][1].strip():
                yield lines[first:index]
                first, number = index, at
    yield lines[first:]


def _text(lines: Sequence[Line], source: str) -> tuple[str, ...]:
    """The lines of a caption without those that are empty; counts it where one was among them."""
    shown = [index for index, (_, line) in enumerate(lines) if line.strip()]
    if not shown:
        return ()
    within = next((lines[i][0] for i in range(shown[0], shown[-1]) if not lines[i][1]), None)
    if within is not None:
        odd_items.add(BLANK_LINES, source, f"line {within}", "a blank line in a caption, expected none")
    return tuple(lines[index][1] for index in shown)
