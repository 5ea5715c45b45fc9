"""Simulates what a recogniser hears of a text, and finds spans of the text in what it heard.

A span of the clean text comes through in one of three ways:

    clean   … beat the Carolina Panthers 24–10 to earn …       "Carolina Panthers"
    exact   … beat the carolina panthers twenty four to ten …  carolina panthers
    aligned … beat the caroline a panthers twenty for to ten … caroline a panthers   (what stands in its place)
    lost    … beat the twenty four to ten …                    nothing stands there

What is heard follows from the text, the seed and the number of the copy alone: it does not matter which process
simulates it. The errors themselves are made by `simulator.py`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from bert_qa_tf.asr_simulation.error_table import load_table
from bert_qa_tf.asr_simulation.recognizer_vocabulary import load_vocabulary
from bert_qa_tf.asr_simulation.simulator import AsrSimulator, HeardWord
from bert_qa_tf.config import AsrSimulationConfig
from bert_qa_tf.text.normalization import normalized_tokens
from bert_qa_tf.text.verbalization import VerbalizedWord, verbalize_sentences
from bert_qa_tf.text.word_alignment import similarity

Outcome = Literal["exact", "aligned", "lost"]


class HeardSpan(NamedTuple):
    """What is heard of a span of the clean text.

    Attributes:
      outcome: "exact" where the words that were said are heard in its place (as scoring compares them), "aligned" where
        other words are, "lost" where none is, or where none of it is ever said.
      text: what is heard in its place; "" where it is lost.
      start_char: where that begins in the simulated text (code points); -1 where it is lost.
      said: the span as it is said, which is what a perfect recogniser would have heard.
    """

    outcome: Outcome
    text: str
    start_char: int
    said: str

    @property
    def confidence(self) -> float:
        """The share of the letters said that is heard in its place, 0 to 1; 1 where it is exact."""
        if self.outcome != "aligned":
            return float(self.outcome == "exact")
        return similarity(self.said.split(), self.text.replace(".", "").split())


@dataclasses.dataclass(frozen=True)
class SimulatedText:
    """What was heard of a clean text.

    Attributes:
      said: the words that were said, placed in the clean text.
      heard: the words that were heard, placed there, too.
      stops: numbers of the heard words that have a full stop behind them.
    """

    said: Sequence[VerbalizedWord]
    heard: Sequence[HeardWord]
    stops: frozenset[int] = frozenset()

    @functools.cached_property
    def written(self) -> Sequence[str]:
        """The heard words, each with its full stop."""
        return [f"{word.text}." if number in self.stops else word.text for number, word in enumerate(self.heard)]

    @property
    def text(self) -> str:
        """The heard words with single spaces between them."""
        return " ".join(self.written)

    def place(self, start_char: int, end_char: int) -> HeardSpan:
        """Finds what is heard of a span of the clean text.

        Args:
          start_char: first code point of the span.
          end_char: one past its last.
        """

        def touches(word: VerbalizedWord | HeardWord) -> bool:
            return word.start_char < end_char and word.end_char > start_char

        said = " ".join(word.text for word in self.said if touches(word))
        places = [index for index, word in enumerate(self.heard) if touches(word)]
        if not said or not places:
            return HeardSpan("lost", "", -1, said)
        first, last = places[0], places[-1]
        text = " ".join([*self.written[first:last], self.heard[last].text])
        outcome: Outcome = "exact" if normalized_tokens(text) == normalized_tokens(said) else "aligned"
        return HeardSpan(outcome, text, sum(len(word) + 1 for word in self.written[:first]), said)

    @property
    def word_errors(self) -> int:
        """Substitutions, deletions and insertions between what was said and what was heard."""
        from rapidfuzz.distance import Levenshtein  # an extra's package, as the recogniser's dictionary is

        return Levenshtein.distance([word.text for word in self.said], [word.text for word in self.heard])


class TextSimulator:
    """Simulates what a recogniser hears of texts that are read to it.

    Args:
      config: how many errors it makes.
      seed: decides the errors, with the text and the number of the copy.
      simulator: a simulated recogniser; None for the one that comes with the package.

    Raises:
      InputError: pocketsphinx, whose dictionary is needed, is not installed.
    """

    def __init__(self, config: AsrSimulationConfig, seed: int, simulator: AsrSimulator | None = None) -> None:
        self.config = config
        self.seed = seed
        self._simulator = AsrSimulator(load_vocabulary(), load_table()) if simulator is None else simulator

    @property
    def dictionary_sha256(self) -> str:
        """Of the recogniser's pronunciation dictionary."""
        return self._simulator.dictionary_sha256

    @property
    def table_sha256(self) -> str:
        """Of the table of recognition errors."""
        return self._simulator.table_sha256

    def hear(self, text: str, copy: int) -> SimulatedText:
        """The text as it is heard in one of its copies, at a word error rate drawn from the range of the config.

        Args:
          text: clean, written English.
          copy: number of the copy, from 0; each has other errors.
        """
        digest = hashlib.blake2b(f"{self.seed}\0{copy}\0{text}".encode("utf-8", "surrogatepass"), digest_size=16)
        generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest.digest(), "little")))
        low, high = self.config.wer_range
        wer = low + (high - low) * generator.random()
        said: list[VerbalizedWord] = []
        heard: list[HeardWord] = []
        stops: set[int] = set()
        for sentence in verbalize_sentences(text):
            said += sentence.words
            words = self._simulator.hear(sentence.words, wer, generator)
            heard += words
            if words and self.config.sentence_stops:
                stops.add(len(heard) - 1)
        return SimulatedText(said, heard, frozenset(stops))
