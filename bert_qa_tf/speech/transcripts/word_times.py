"""Works out times for words that have none of their own, from what surrounds them.

Such words say so (`Word.times_estimated`): their times are good enough to play a recording from, and no measurement.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from bert_qa_tf.speech.transcripts.transcript import Word


def fill_times(words: Sequence[Word], start_secs: float, end_secs: float) -> tuple[Word, ...]:
    """Gives every word times.

    Words without any share what lies between their timed neighbours, each in proportion to its length in characters. A
    word of which only one end is known reaches to its neighbour's, or has no length.

    Args:
      words: in the order they were said.
      start_secs: the first of them is said no earlier.
      end_secs: the last of them is said no later.

    >>> [(word.start_secs, word.end_secs) for word in fill_times((Word("a"), Word("bcd")), 1.0, 3.0)]
    [(1.0, 1.5), (1.5, 3.0)]
    """
    words = [_completed(words, index) for index in range(len(words))]
    filled: list[Word] = []
    for first, past in _runs_without_times(words):
        filled += words[len(filled) : first]
        left = filled[-1].end_secs if filled else start_secs
        right = words[past].start_secs if past < len(words) else end_secs
        filled += _spread(words[first:past], left, max(left, right))
    return tuple(filled + words[len(filled) :])


def _completed(words: Sequence[Word], index: int) -> Word:
    word = words[index]
    if word.start_secs is not None and word.end_secs is None:
        after = words[index + 1].start_secs if index + 1 < len(words) else None
        end = word.start_secs if after is None else max(word.start_secs, after)
        return dataclasses.replace(word, end_secs=end, times_estimated=True)
    if word.start_secs is None and word.end_secs is not None:
        before = words[index - 1].end_secs if index else None
        start = word.end_secs if before is None else min(word.end_secs, before)
        return dataclasses.replace(word, start_secs=start, times_estimated=True)
    return word


def _runs_without_times(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Where each unbroken run of words without times begins, and one past its last."""
    first = None
    for index, word in enumerate(words):
        if word.start_secs is None:
            first = index if first is None else first
        elif first is not None:
            yield first, index
            first = None
    if first is not None:
        yield first, len(words)


def _spread(words: Sequence[Word], start_secs: float, end_secs: float) -> Iterator[Word]:
    total = sum(len(word.text) for word in words)
    passed = 0
    for word in words:
        begins = start_secs + (end_secs - start_secs) * passed / total
        passed += len(word.text)
        ends = start_secs + (end_secs - start_secs) * passed / total
        yield dataclasses.replace(word, start_secs=begins, end_secs=ends, times_estimated=True)
