"""Finds the answers of a text in what was heard when the text was read aloud.

An answer is "exact" where its words, as SQuAD compares them (case, punctuation and articles aside), stand in the
transcript; the place nearest to where they were said is taken. It is "aligned" where other words were heard in its
place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Literal

from bert_qa_tf.speech.transcripts.transcript import Word
from bert_qa_tf.text.normalization import normalized_tokens
from bert_qa_tf.text.verbalization import VerbalizedWord
from bert_qa_tf.text.word_alignment import align_by_spelling, similarity

_ARTICLES = frozenset({"a", "an", "the"})
# A name may be heard as more words than were said; those without a partner beside its place may belong to it.
_MOST_EXTRA_WORDS = 3


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where an answer was heard.

    Attributes:
      first_word: the first heard word of it.
      end_word: one past the last.
      alignment: how it was found; see the module.
      confidence: the share of its letters that was heard, 0 to 1; 1 where exact.
      elsewhere: it was found at another mention than the one that was meant, where something else was heard.
    """

    first_word: int
    end_word: int
    alignment: Literal["exact", "aligned"]
    confidence: float
    elsewhere: bool = False


class AnswerPlacer:
    """A text that was said and heard.

    Args:
      said: the words of each sentence, placed in the text (`verbalize_sentences`).
      heard: what was heard of each.
    """

    def __init__(self, said: Sequence[Sequence[VerbalizedWord]], heard: Sequence[Sequence[Word]]) -> None:
        self._said = [word for sentence in said for word in sentence]
        self._heard = [word.text for sentence in heard for word in sentence]
        # heard_of[i]: the heard word that stands for said word i.
        self._heard_of: list[int | None] = []
        self._has_partner = [False] * len(self._heard)
        offset = 0
        for said_words, heard_words in zip(said, heard, strict=True):
            pairs = align_by_spelling([word.text for word in said_words], [word.text for word in heard_words])
            for said_place, heard_place in pairs:
                if said_place is not None:
                    self._heard_of.append(None if heard_place is None else offset + heard_place)
                    if heard_place is not None:
                        self._has_partner[offset + heard_place] = True
            offset += len(heard_words)
        # The transcript's tokens as SQuAD compares them, and the word each belongs to.
        self._tokens: list[str] = []
        self._word_of: list[int] = []
        for number, word in enumerate(self._heard):
            tokens = normalized_tokens(word)
            self._tokens += tokens
            self._word_of += [number] * len(tokens)

    def said_between(self, start_char: int, end_char: int) -> range:
        """The said words that stand for characters of a span of the text; empty where nothing of it is said."""
        places = [
            number
            for number, word in enumerate(self._said)
            if word.start_char < end_char and word.end_char > start_char
        ]
        return range(places[0], places[-1] + 1) if places else range(0)

    def said_words(self, places: range) -> list[str]:
        """The words at `places`."""
        return [self._said[place].text for place in places]

    def place(self, places: range) -> Placement | None:
        """Looks for the said words at `places` in what was heard.

        Returns:
          Where they were heard; None where nothing was heard in their place and they occur nowhere else.
        """
        return self._exact(places) or self._aligned(places)

    def place_words(self, words: Sequence[str]) -> Placement | None:
        """Looks for words of which it is not known where they were said: exactly, or not at all."""
        found = next(iter(self._occurrences(words)), None)
        return Placement(*found, "exact", 1.0) if found else None

    def _exact(self, places: range) -> Placement | None:
        words = self.said_words(places)
        expected = self._expected_place(places)
        occurrences = self._occurrences(words)
        if not occurrences:
            return None
        first, end = min(occurrences, key=lambda span: (abs(span[0] - expected), span[0]))
        aligned = [heard for place in places if (heard := self._heard_of[place]) is not None]
        elsewhere = not any(first <= heard < end for heard in aligned)
        return Placement(first, end, "exact", 1.0, elsewhere)

    def _occurrences(self, words: Sequence[str]) -> list[tuple[int, int]]:
        """Where words were heard side by side: first word, and one past the last."""
        wanted = normalized_tokens(" ".join(words))
        if not wanted:  # "the", or "A": compared as it is
            return [(place, place + 1) for place, word in enumerate(self._heard) if [word] == list(words)]
        found = []
        for start in range(len(self._tokens) - len(wanted) + 1):
            if self._tokens[start : start + len(wanted)] == wanted:
                first = self._word_of[start]
                # Its article belongs to it where it was heard.
                if words[0] in _ARTICLES and first and self._heard[first - 1] == words[0]:
                    first -= 1
                found.append((first, self._word_of[start + len(wanted) - 1] + 1))
        return found

    def _expected_place(self, places: range) -> int:
        """The heard word for the first of `places`, or for the nearest said word that has one."""
        for distance in range(len(self._said)):
            for place in (places[0] + distance, places[0] - distance):
                if 0 <= place < len(self._said) and self._heard_of[place] is not None:
                    return self._heard_of[place]
        return 0

    def _aligned(self, places: range) -> Placement | None:
        aligned = [heard for place in places if (heard := self._heard_of[place]) is not None]
        if not aligned:
            return None
        words = self.said_words(places)
        spans = [(first, end) for first in self._starts(aligned[0]) for end in self._ends(aligned[-1] + 1)]
        best = max(spans, key=lambda span: (similarity(words, self._heard[slice(*span)]), span[0] - span[1]))
        return Placement(*best, "aligned", similarity(words, self._heard[slice(*best)]))

    def _starts(self, first: int) -> Iterator[int]:
        yield first
        for place in range(first - 1, max(first - 1 - _MOST_EXTRA_WORDS, -1), -1):
            if self._has_partner[place]:
                return
            yield place

    def _ends(self, end: int) -> Iterator[int]:
        yield end
        for place in range(end, min(end + _MOST_EXTRA_WORDS, len(self._heard))):
            if self._has_partner[place]:
                return
            yield place + 1
