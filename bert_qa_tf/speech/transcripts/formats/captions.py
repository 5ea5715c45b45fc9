"""Reads what WebVTT and SRT have in common: blocks of lines, a line of times, and text that rolls up.

Captions stay in the order of the file. `webvtt.py` and `subrip.py` know what a line may hold beside text.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.words import REPEATED_LINES
from bert_qa_tf.speech.transcripts.transcript import MAX_SECS

ARROW = "-->"
# Hours are optional in WebVTT; the decimal mark is a comma in SRT. Both are found the other way round.
TIME = r"(?:(\d{1,5}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{TIME}\s*-->\s*{TIME}(?:\s.*)?")
# Live captions roll up: each repeats the line that was on the screen before, and puts a new one below it. People repeat
# themselves too ("no", "no"), with nothing below.
_MIN_ROLLING_SHARE = 0.5
_MIN_ROLLING = 2
_MAX_LINES_ON_SCREEN = 4
_MAX_SHOWN = 60

Line = tuple[int, str]


@dataclasses.dataclass(frozen=True)
class Caption:
    """One caption.

    Attributes:
      line_number: of its times, from 1.
      start_secs: when it appears.
      end_secs: when it goes.
      lines: what stands below its times, as it is in the file.
    """

    line_number: int
    start_secs: float
    end_secs: float
    lines: tuple[str, ...]


def split_lines(text: str) -> list[Line]:
    """Lines with their numbers, whatever ends them."""
    return list(enumerate(re.split(r"\r\n|\r|\n", text), start=1))


def split_blocks(lines: Sequence[Line], is_blank: Callable[[str], bool]) -> Iterator[list[Line]]:
    """Runs of lines with no blank one between them."""
    for blank, run in itertools.groupby(lines, key=lambda line: is_blank(line[1])):
        if not blank:
            yield list(run)


def read_blocks(blocks: Iterator[list[Line]], source: str) -> list[Caption]:
    """The captions of blocks.

    A caption is at most one line (its number or name), its times, and its text. A block without times goes on with the
    text before it: some tools leave blank lines in a caption.

    Raises:
      InputError: naming the line: no times where some must be, times that cannot be read, or that run backwards.
    """
    found: list[tuple[Line, list[str]]] = []  # a line of times, and the lines below it
    for block in blocks:
        places = [index for index, (_, line) in enumerate(block) if ARROW in line]
        if not places and found:
            found[-1][1].extend(line for _, line in block)
            continue
        if not places or places[0] > 1:
            number, line = block[0 if not places else places[0] - 1]
            raise _no_times(source, number, line)
        for index, place in enumerate(places):
            last = index + 1 == len(places)
            end = len(block) if last else places[index + 1]
            # Where no blank line is between two captions, the number of the second is the last line of the first.
            if not last and end - 1 > place and block[end - 1][1].strip().isdigit():
                end -= 1
            found.append((block[place], [line for _, line in block[place + 1 : end]]))
    return [_caption(times, lines, source) for times, lines in found]


def _caption(times: Line, lines: list[str], source: str) -> Caption:
    number, line = times
    match = _TIMES.fullmatch(line)
    start, end = (to_secs(match.groups()[first : first + 4]) if match else None for first in (0, 4))
    if start is None or end is None:
        raise _no_times(source, number, line)
    if end < start:
        raise InputError(f"{source}:{number}: ends before it starts: {_shown(line)}")
    return Caption(number, start, end, tuple(lines))


def _no_times(source: str, number: int, line: str) -> InputError:
    return InputError(f"{source}:{number}: expected times such as 00:01:02.500 --> 00:01:04.000, got {_shown(line)!r}")


def _shown(line: str) -> str:
    return line.strip() if len(line.strip()) <= _MAX_SHOWN else line.strip()[:_MAX_SHOWN] + "…"


def to_secs(parts: Sequence[str | None]) -> float | None:
    """The groups that `TIME` matched as seconds; None where there are more than 59 minutes or seconds, or years."""
    hours, minutes, secs, fraction = parts
    if int(minutes) > 59 or int(secs) > 59:
        return None
    # One sum of whole milliseconds: 62.345 and not 62.345000000000006.
    millis = ((int(hours or 0) * 60 + int(minutes)) * 60 + int(secs)) * 1000 + int(fraction.ljust(3, "0"))
    return millis / 1000 if millis <= 1000 * MAX_SECS else None


def without_repeated_lines(
    captions: Sequence[Caption], plain: Callable[[str], str], counts: Counter[str]
) -> list[Caption]:
    """Of captions that roll up, each without the lines that the one before it had shown already.

    Args:
      captions: in the file's order.
      plain: a line's text without tags.
      counts: takes in how many lines were left out.
    """
    captions = [
        dataclasses.replace(caption, lines=shown)
        for caption in captions
        if (shown := tuple(line for line in caption.lines if plain(line)))
    ]
    texts = [[plain(line) for line in caption.lines] for caption in captions]
    repeated = [_overlap(before, after) for before, after in itertools.pairwise([[], *texts])]
    rolling = sum(1 for count in repeated if count)
    pushed_up = any(0 < count < len(text) for count, text in zip(repeated, texts, strict=True))
    if not pushed_up or rolling < _MIN_ROLLING or rolling < _MIN_ROLLING_SHARE * (len(captions) - 1):
        return captions
    counts[REPEATED_LINES] += sum(repeated)
    return [
        dataclasses.replace(caption, lines=caption.lines[count:])
        for caption, count in zip(captions, repeated, strict=True)
        if len(caption.lines) > count
    ]


def _overlap(before: list[str], after: list[str]) -> int:
    """How many lines at the beginning of `after` are those at the end of `before`."""
    longest = min(len(before), len(after), _MAX_LINES_ON_SCREEN)
    return next((count for count in range(longest, 0, -1) if before[-count:] == after[:count]), 0)
