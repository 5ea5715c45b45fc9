"""Aligns recognised words with the words that were said by their spelling.

Words that sound alike are mostly spelled alike, so a garbled name is paired with the words heard in its place. This
needs rapidfuzz (the extra `speech`). Alignment by sound is in `asr_simulation/phone_alignment.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Costs are integers, in thousandths, so that ties are the same on every machine. Replacing a word by one that shares no
# letter costs less than dropping it and inserting the other.
_GAP_COST = 1000
_REPLACED_COST = 500


def align_by_spelling(said: Sequence[str], heard: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Pairs the words of two sequences, in order, with as few gaps and as similar spellings as possible.

    Args:
      said: the reference words.
      heard: the recognised words.

    Returns:
      Pairs of indices into `said` and `heard`, each index once; None if a word has no partner.

    >>> align_by_spelling(["denver", "broncos", "won"], ["then", "for", "broncos", "one"])
    [(0, 0), (None, 1), (1, 2), (2, 3)]
    """
    replaced = _replacement_costs(said, heard)
    costs = _prefix_costs(replaced)
    pairs: list[tuple[int | None, int | None]] = []
    row, column = len(said), len(heard)
    while row or column:
        here = costs[row, column]
        if row and column and here == costs[row - 1, column - 1] + replaced[row - 1, column - 1]:
            row, column = row - 1, column - 1
            pairs.append((row, column))
        elif row and here == costs[row - 1, column] + _GAP_COST:
            row -= 1
            pairs.append((row, None))
        else:
            column -= 1
            pairs.append((None, column))
    return pairs[::-1]


def similarity(said: Sequence[str], heard: Sequence[str]) -> float:
    """The similarity of two sequences of words by their letters, however they are split into words: 0 to 1."""
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.normalized_similarity("".join(said), "".join(heard))


def _prefix_costs(replaced: np.ndarray) -> np.ndarray:
    """The costs of aligning all pairs of prefixes, `<int64>[num_said + 1, num_heard + 1]`."""
    num_said, num_heard = replaced.shape
    gaps = _GAP_COST * np.arange(num_heard + 1)
    costs = np.empty((num_said + 1, num_heard + 1), np.int64)
    costs[0] = gaps
    for row in range(1, num_said + 1):
        best = costs[row - 1] + _GAP_COST
        best[1:] = np.minimum(best[1:], costs[row - 1, :-1] + replaced[row - 1])
        # Allows any number of insertions after the best so far, for all columns at once.
        costs[row] = np.minimum.accumulate(best - gaps) + gaps
    return costs


def _replacement_costs(said: Sequence[str], heard: Sequence[str]) -> np.ndarray:
    """Replacement costs, 0 for the same word and 500 to 1500 for another, `<int64>[num_said, num_heard]`."""
    from rapidfuzz import process
    from rapidfuzz.distance import Levenshtein

    if not said or not heard:
        return np.zeros((len(said), len(heard)), np.int64)
    distances = process.cdist(said, heard, scorer=Levenshtein.normalized_distance, dtype=np.float32)
    costs = np.rint(1000 * distances).astype(np.int64)
    return np.where(costs > 0, costs + _REPLACED_COST, 0)
