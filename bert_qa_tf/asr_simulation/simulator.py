"""Simulates the words that a speech recogniser hears when a sentence is said, without any audio.

Each heard word knows the characters of the clean text that it stands for. The same state of the random generator gives
the same words.

    said     …  at  the  schools   during   may's devastating   earthquake  …
    misheard             ■         ■        ■     ■                            which words: errors cluster
    phones               s k uw l z|d uh r ih ng|m ey z|d eh v ah s t ey t ih ng
    ends                 s k uw l z|d uh r ih ng|m ey z|d eh v|ah s t ey t ih ng   kept, moved, removed, added
    heard    …  at  the  skills    daring   maze dev estate in  earthquake  …  alike, and likely after the words before

Words that the recogniser does not know are always misheard. The error table says how often each of these things
happens (`error_table.py`), the vocabulary which words sound alike (`recognizer_vocabulary.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bert_qa_tf.asr_simulation.error_features import log_odds, text_features
from bert_qa_tf.asr_simulation.error_table import ErrorLevel, ErrorTable
from bert_qa_tf.asr_simulation.recognizer_vocabulary import RecognizerVocabulary
from bert_qa_tf.text.verbalization import VerbalizedWord

# Nothing in the vocabulary sounds like more phones than this: a longer piece is cut.
_LONGEST_PIECE = 16


class HeardWord(NamedTuple):
    """A word as the recogniser would have written it.

    Attributes:
      text: in lower case.
      start_char: first character of the clean text that it stands for (code points).
      end_char: one past the last; `start_char` for a word that stands for nothing.
    """

    text: str
    start_char: int
    end_char: int


class _Piece(NamedTuple):
    """Phones heard as one word, the said words `[first, last]` they belong to, and the texts of those words."""

    phones: bytes
    first: int
    last: int
    said: frozenset[str]


class AsrSimulator:
    """A simulated recogniser.

    Args:
      vocabulary: what it can say.
      table: how it errs.
    """

    def __init__(self, vocabulary: RecognizerVocabulary, table: ErrorTable) -> None:
        self._vocabulary = vocabulary
        self._table = table

    @property
    def dictionary_sha256(self) -> str:
        """Of the recogniser's pronunciation dictionary."""
        return self._vocabulary.dictionary_sha256

    @property
    def table_sha256(self) -> str:
        """Of the table of errors."""
        return self._table.sha256

    def hear(self, words: Sequence[VerbalizedWord], wer: float, generator: np.random.Generator) -> list[HeardWord]:
        """The words of an utterance as they would have been recognised.

        Args:
          words: as they are said in one breath: a sentence.
          wer: errors per word that are asked for, on the average over many sentences of encyclopedic text; single
            ones differ, and words that the recogniser does not know are misheard whatever is asked for.
          generator: of the random numbers.
        """
        return self.hear_at(words, self._table.at(wer), generator)

    def hear_at(
        self, words: Sequence[VerbalizedWord], level: ErrorLevel, generator: np.random.Generator
    ) -> list[HeardWord]:
        """`hear` at a level that is given."""
        entries = [self._vocabulary.entry(word) for word in words]
        sounds = [self._vocabulary.pronunciations.phones(entry) for entry in entries]
        misheard = self._misheard(entries, sounds, level, generator)
        heard: list[HeardWord] = []
        begin = 0
        while begin < len(words):
            end = begin + 1
            if misheard[begin]:
                while end < len(words) and misheard[end]:
                    end += 1
                self._mishear(words[begin:end], sounds[begin:end], level, generator, heard)
            else:
                heard.append(HeardWord(words[begin].text, words[begin].start_char, words[begin].end_char))
            if generator.random() < level.inserted * (end - begin):
                place = words[end - 1].end_char
                heard.append(HeardWord(self._inserted(heard, level, generator), place, place))
            begin = end
        return heard

    def _misheard(
        self, entries: Sequence[str], sounds: Sequence[bytes], level: ErrorLevel, generator: np.random.Generator
    ) -> list[bool]:
        features = text_features(self._vocabulary, entries, sounds)
        spread = level.utterance_spread * generator.standard_normal()
        odds = np.stack(log_odds(features, level.error_weights)) + spread
        chances = (1.0 / (1.0 + np.exp(-odds))).tolist()
        misheard: list[bool] = []
        for index, (entry, threshold) in enumerate(zip(entries, generator.random(len(entries)).tolist(), strict=True)):
            after_error = bool(misheard) and misheard[-1]
            misheard.append(entry not in self._vocabulary or threshold < chances[after_error][index])
        return misheard

    def _mishear(
        self,
        words: Sequence[VerbalizedWord],
        sounds: Sequence[bytes],
        level: ErrorLevel,
        generator: np.random.Generator,
        heard: list[HeardWord],
    ) -> None:
        """Adds what is heard of words that follow each other and are all misheard."""
        dropped = generator.random(len(words)) < level.dropped
        left = [index for index, sound in enumerate(sounds) if sound and not dropped[index]]
        for piece in self._pieces(words, sounds, left, level, generator):
            text = self._choose(piece, heard, level, generator)
            heard.append(HeardWord(text, words[piece.first].start_char, words[piece.last].end_char))

    def _pieces(
        self,
        words: Sequence[VerbalizedWord],
        sounds: Sequence[bytes],
        left: Sequence[int],
        level: ErrorLevel,
        generator: np.random.Generator,
    ) -> list[_Piece]:
        """Cuts the phones of the words that are left into those of heard words."""
        phones = b"".join(sounds[index] for index in left)
        # owner[p]: the word that phone p belongs to.
        owner = np.repeat(np.array(left, np.int64), [len(sounds[index]) for index in left])
        chances = generator.random((len(phones), 2)).tolist()
        ends = set()
        for place in range(1, len(phones)):
            chance, side = chances[place]
            if owner[place] != owner[place - 1]:
                if chance < level.ends_kept:
                    ends.add(place)
                elif chance < level.ends_kept + level.ends_moved:
                    ends.add(place + (1 if side < 0.5 else -1))
            else:
                known = self._vocabulary.entry(words[owner[place]]) in self._vocabulary
                if chance < (level.splits if known else level.splits_unknown):
                    ends.add(place)
        cuts = [0, *sorted(end for end in ends if 0 < end < len(phones)), len(phones)]
        pieces = []
        for start, end in itertools.pairwise(cuts):
            for first in range(start, end, _LONGEST_PIECE):
                last = min(first + _LONGEST_PIECE, end)
                pieces.append(_piece(words, sounds, phones, owner, first, last))
        return pieces

    def _choose(
        self, piece: _Piece, heard: Sequence[HeardWord], level: ErrorLevel, generator: np.random.Generator
    ) -> str:
        """One of the words that sound like the piece, with the probability that the level gives it."""
        vocabulary = self._vocabulary
        before = [word.text for word in heard[:-3:-1]]
        indices, distances = vocabulary.alike.nearest(piece.phones)
        language = np.array([vocabulary.log_probability([vocabulary.words[index], *before]) for index in indices])
        scores = level.language * language - level.sound * distances
        written = [vocabulary.written[index] for index in indices]
        scores[[word in piece.said for word in written]] = -np.inf
        return written[_draw(scores, generator)]

    def _inserted(self, heard: Sequence[HeardWord], level: ErrorLevel, generator: np.random.Generator) -> str:
        before = [word.text for word in heard[:-3:-1]]
        frequent = self._vocabulary.frequent
        language = np.array([self._vocabulary.log_probability([word, *before]) for word in frequent])
        return frequent[_draw(level.language * language, generator)]


def _piece(
    words: Sequence[VerbalizedWord], sounds: Sequence[bytes], phones: bytes, owner: np.ndarray, start: int, end: int
) -> _Piece:
    """Phones `[start, end)` as a piece; a phone or two that it has of a longer word do not make it stand for that."""
    owners, counts = np.unique(owner[start:end], return_counts=True)
    most = counts.max()
    told = [
        int(index)
        for index, count in zip(owners, counts, strict=True)
        if count == most or 2 * count > len(sounds[index]) or 2 * count > end - start
    ]
    return _Piece(phones[start:end], told[0], told[-1], frozenset(words[index].text for index in owners))


def _draw(scores: np.ndarray, generator: np.random.Generator) -> int:
    """An index with probability proportional to exp(score)."""
    cumulative = np.cumsum(np.exp(scores - scores.max()))
    return min(int(np.searchsorted(cumulative, generator.random() * cumulative[-1], side="right")), len(scores) - 1)
