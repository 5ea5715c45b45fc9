"""Finds the words of a vocabulary that sound most like a given sequence of phones.

Distances between sounds are the edit distances of `pronunciations.phone_distances`. A vocabulary has 70,000 words, too
many to compare with each: a sketch of each word (which phones it has, which pairs of kinds of phone) picks the few
hundred that the distance is computed for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bert_qa_tf.asr_simulation.pronunciations import GAP_COST, PHONES, phone_distances

# Words whose sketch is nearest: of these the distance is computed.
_SHORTLIST = 600
# Kinds of phone for the sketch's pairs: what is often taken for each other is of one kind.
_KINDS = (
    ("IY", "IH", "EY", "Y"), ("EH", "AE"), ("AH", "UH", "ER"), ("AA", "AO", "AW", "OW"), ("UW", "W"), ("AY", "OY"),
    ("P", "B"), ("T", "D"), ("K", "G"), ("CH", "JH", "SH", "ZH"), ("S", "Z"), ("F", "V", "TH", "DH"), ("HH",),
    ("M", "N", "NG"), ("L", "R"),
)  # fmt: skip


class SoundAlikes(NamedTuple):
    """Words that sound alike, nearest first.

    Attributes:
      indices: their places in the vocabulary, `<int64>[num_words]`.
      distances: how far each is, `<int64>[num_words]`.
    """

    indices: np.ndarray
    distances: np.ndarray


class SoundIndex:
    """Finds the words of a vocabulary that sound like something.

    Args:
      sounds: the phones of each word, none empty.
      penalties: added to each word's distance when the nearest are picked, so that frequent words need not be as near;
        None for none.
      size: how many words a search finds.
    """

    def __init__(self, sounds: Sequence[bytes], penalties: np.ndarray | None = None, size: int = 96) -> None:
        self._size = min(size, len(sounds))
        self._penalties = np.zeros(len(sounds), np.int64) if penalties is None else penalties.astype(np.int64)
        longest = max(map(len, sounds))
        self._phones = np.array([list(sound.ljust(longest, b"\0")) for sound in sounds], np.uint8)
        self._lengths = np.array([len(sound) for sound in sounds], np.uint8)
        self._kind_of = _kind_table()
        self._phones_seen, self._pairs_seen = _sketches(self._phones, self._kind_of)
        self._found: dict[bytes, SoundAlikes] = {}

    def nearest(self, phones: bytes) -> SoundAlikes:
        """The words that sound most like `phones`, which must not be empty; found once, then remembered."""
        found = self._found.get(phones)
        if found is None:
            found = self._found[phones] = self._search(phones)
        return found

    def _search(self, phones: bytes) -> SoundAlikes:
        query = np.frombuffer(phones, np.uint8)
        (phones_seen,), (pairs_seen,) = _sketches(query[None, :], self._kind_of)
        apart = np.bitwise_count(self._phones_seen ^ phones_seen) + np.bitwise_count(self._pairs_seen ^ pairs_seen)
        apart += np.where(self._lengths > len(query), self._lengths - len(query), len(query) - self._lengths)
        # The sketch's distance up to which enough words are near; sorting them all would take longer than the rest.
        counts = np.cumsum(np.bincount(apart))
        limit = int(np.searchsorted(counts, min(_SHORTLIST, counts[-1])))
        shortlist = np.flatnonzero(apart <= limit)
        distances = _edit_distances(query, self._phones[shortlist], self._lengths[shortlist])
        order = np.argsort(distances + self._penalties[shortlist], kind="stable")[: self._size]
        return SoundAlikes(shortlist[order], distances[order])


def _edit_distances(query: np.ndarray, words: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`pronunciations.sound_distance` of the query to each word at once, `<int64>[num_words]`."""
    table = phone_distances()
    longest = int(lengths.max())
    words = words[:, :longest]
    gaps = GAP_COST * np.arange(longest + 1, dtype=np.int16)
    row = np.broadcast_to(gaps, (len(words), longest + 1))
    for phone in query:
        # Without gaps in the query; then the best of them in one sweep, as a running minimum of cost less gaps so far.
        best = row + np.int16(GAP_COST)
        np.minimum(best[:, 1:], row[:, :-1] + table[phone][words], out=best[:, 1:])
        row = np.minimum.accumulate(best - gaps, axis=1) + gaps
    return row[np.arange(len(words)), lengths].astype(np.int64)


def _kind_table() -> np.ndarray:
    kinds = np.zeros(len(PHONES) + 1, np.uint8)
    for index, kind in enumerate(_KINDS, 1):
        for phone in kind:
            kinds[PHONES.index(phone) + 1] = index
    return kinds


def _sketches(phones: np.ndarray, kind_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which phones occur, and which pairs of kinds side by side (folded into 64 bits), `<uint64>[num_words]` each.

    Args:
      phones: `<uint8>[num_words, longest]`, 0 behind a word's end.
      kind_of: `<uint8>[num_phones]`.
    """
    one, none = np.uint64(1), np.uint64(0)
    phones_seen, pairs_seen = np.zeros(len(phones), np.uint64), np.zeros(len(phones), np.uint64)
    # The pairs with a word's edges count, too: 0 is the kind of those.
    edged = np.pad(phones, ((0, 0), (1, 1)))
    kinds = kind_of[edged].astype(np.uint64)
    for place in range(edged.shape[1] - 1):
        before, here = kinds[:, place], kinds[:, place + 1]
        pair = (before * np.uint64(17) + here * np.uint64(5)) % np.uint64(64)
        pairs_seen |= np.where(before + here > 0, one << pair, none)
        phones_seen |= np.where(edged[:, place] > 0, one << edged[:, place].astype(np.uint64), none)
    return phones_seen, pairs_seen
