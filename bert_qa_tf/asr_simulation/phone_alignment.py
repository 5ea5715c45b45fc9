"""Aligns recognised words with the words that were said, by their sound.

The words of both sides are gathered in chunks, the smallest that end where a word ends on both sides:

    said     schools   during      may's devastating
    heard    skills    daring      maze yeah the staining
    chunks   1 → 1     1 → 1       2 → 4

Word error rates pair words by their place; this pairs them by what they sound like. Alignment by spelling is in
`text/word_alignment.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bert_qa_tf.asr_simulation.pronunciations import GAP_COST, phone_distances

# The end of a word is a symbol of its own (code 0), so that word ends are set beside word ends where that costs little.
_END = 0
_END_GAP = 3
_NEVER = 1000


class Chunk(NamedTuple):
    """Said words `[said_start, said_end)` heard as words `[heard_start, heard_end)`; either may be none."""

    said_start: int
    said_end: int
    heard_start: int
    heard_end: int


class PhonePair(NamedTuple):
    """One column of an alignment: a place in each sequence, None where one has a gap; word ends are places, too."""

    said: int | None
    heard: int | None


def with_ends(sounds: Sequence[bytes]) -> np.ndarray:
    """The phones of words in a row, a 0 behind each word, `<uint8>[num_phones + num_words]`."""
    return np.frombuffer(b"".join(sound + b"\0" for sound in sounds), np.uint8)


def align_phones(said: np.ndarray, heard: np.ndarray) -> list[PhonePair]:
    """The cheapest alignment of two sequences from `with_ends`."""
    table = phone_distances().astype(np.int64)
    table[_END, 1:] = table[1:, _END] = _NEVER
    gap_said = np.where(said == _END, _END_GAP, GAP_COST)
    gap_heard = np.concatenate([[0], np.cumsum(np.where(heard == _END, _END_GAP, GAP_COST))])
    rows = np.empty((len(said) + 1, len(heard) + 1), np.int64)
    rows[0] = gap_heard
    for index, phone in enumerate(said):
        best = rows[index] + gap_said[index]
        np.minimum(best[1:], rows[index, :-1] + table[phone][heard], out=best[1:])
        rows[index + 1] = np.minimum.accumulate(best - gap_heard) + gap_heard
    pairs = []
    i, j = len(said), len(heard)
    while i or j:
        here = rows[i, j]
        if i and j and here == rows[i - 1, j - 1] + table[said[i - 1], heard[j - 1]]:
            i, j = i - 1, j - 1
            pairs.append(PhonePair(i, j))
        elif i and here == rows[i - 1, j] + gap_said[i - 1]:
            i -= 1
            pairs.append(PhonePair(i, None))
        else:
            j -= 1
            pairs.append(PhonePair(None, j))
    return pairs[::-1]


def align_by_sound(said: Sequence[bytes], heard: Sequence[bytes]) -> list[Chunk]:
    """Chunks from first to last, covering every word on both sides.

    Args:
      said: the phones of each said word.
      heard: the phones of each heard word.
    """
    said_phones, heard_phones = with_ends(said), with_ends(heard)
    chunks: list[Chunk] = []
    said_start = heard_start = said_seen = heard_seen = 0
    for pair in align_phones(said_phones, heard_phones):
        said_ends = pair.said is not None and said_phones[pair.said] == _END
        heard_ends = pair.heard is not None and heard_phones[pair.heard] == _END
        said_seen += int(said_ends)
        heard_seen += int(heard_ends)
        if said_ends and heard_ends:
            chunks.append(Chunk(said_start, said_seen, heard_start, heard_seen))
            said_start, heard_start = said_seen, heard_seen
    if said_start < len(said) or heard_start < len(heard):
        chunks.append(Chunk(said_start, len(said), heard_start, len(heard)))
    return chunks
