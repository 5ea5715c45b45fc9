"""Which heard words stand for which spoken ones, by their sound.

What goes in: the phones of the spoken words and of the heard ones. What comes out: chunks that follow each other, the
smallest whose ends are word ends on both sides:

    spoken   schools   during      may's devastating
    heard    skills    daring      maze yeah the staining
    chunks   1 → 1     1 → 1       2 → 4

Counting errors as WER does would pair words by their place; this pairs them by what they sound like.
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
    """Spoken words `[spoken_start, spoken_end)` heard as words `[heard_start, heard_end)`; either may be none."""

    spoken_start: int
    spoken_end: int
    heard_start: int
    heard_end: int


class PhonePair(NamedTuple):
    """One column of an alignment: a place in each sequence, None where one has a gap; word ends are places, too."""

    spoken: int | None
    heard: int | None


def with_ends(sounds: Sequence[bytes]) -> np.ndarray:
    """The phones of words in a row, a 0 behind each word, `<uint8>[num_phones + num_words]`."""
    return np.frombuffer(b"".join(sound + b"\0" for sound in sounds), np.uint8)


def align_phones(spoken: np.ndarray, heard: np.ndarray) -> list[PhonePair]:
    """The cheapest alignment of two sequences from `with_ends`."""
    table = phone_distances().astype(np.int64)
    table[_END, 1:] = table[1:, _END] = _NEVER
    gap_spoken = np.where(spoken == _END, _END_GAP, GAP_COST)
    gap_heard = np.concatenate([[0], np.cumsum(np.where(heard == _END, _END_GAP, GAP_COST))])
    rows = np.empty((len(spoken) + 1, len(heard) + 1), np.int64)
    rows[0] = gap_heard
    for index, phone in enumerate(spoken):
        best = rows[index] + gap_spoken[index]
        np.minimum(best[1:], rows[index, :-1] + table[phone][heard], out=best[1:])
        rows[index + 1] = np.minimum.accumulate(best - gap_heard) + gap_heard
    pairs = []
    i, j = len(spoken), len(heard)
    while i or j:
        here = rows[i, j]
        if i and j and here == rows[i - 1, j - 1] + table[spoken[i - 1], heard[j - 1]]:
            i, j = i - 1, j - 1
            pairs.append(PhonePair(i, j))
        elif i and here == rows[i - 1, j] + gap_spoken[i - 1]:
            i -= 1
            pairs.append(PhonePair(i, None))
        else:
            j -= 1
            pairs.append(PhonePair(None, j))
    return pairs[::-1]


def align_words(spoken: Sequence[bytes], heard: Sequence[bytes]) -> list[Chunk]:
    """Chunks from first to last, covering every word on both sides.

    Args:
      spoken: the phones of each spoken word.
      heard: the phones of each heard word.
    """
    spoken_phones, heard_phones = with_ends(spoken), with_ends(heard)
    chunks: list[Chunk] = []
    spoken_start = heard_start = spoken_seen = heard_seen = 0
    for pair in align_phones(spoken_phones, heard_phones):
        spoken_ends = pair.spoken is not None and spoken_phones[pair.spoken] == _END
        heard_ends = pair.heard is not None and heard_phones[pair.heard] == _END
        spoken_seen += int(spoken_ends)
        heard_seen += int(heard_ends)
        if spoken_ends and heard_ends:
            chunks.append(Chunk(spoken_start, spoken_seen, heard_start, heard_seen))
            spoken_start, heard_start = spoken_seen, heard_seen
    if spoken_start < len(spoken) or heard_start < len(heard):
        chunks.append(Chunk(spoken_start, len(spoken), heard_start, len(heard)))
    return chunks
