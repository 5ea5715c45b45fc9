"""Takes the repeated lines out of captions that roll up.

Live captions repeat the line that was on the screen before, and put a new one below it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Sequence

from bert_qa_tf.speech.transcripts.formats.captions import Caption
from bert_qa_tf.speech.transcripts.formats.words import REPEATED_LINES

# People repeat themselves too ("no", "no"), with nothing below.
_MIN_ROLLING_SHARE = 0.5
_MIN_ROLLING = 2
_MAX_LINES_ON_SCREEN = 4


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
    """Returns how many lines at the beginning of `after` are those at the end of `before`."""
    longest = min(len(before), len(after), _MAX_LINES_ON_SCREEN)
    return next((count for count in range(longest, 0, -1) if before[-count:] == after[:count]), 0)
