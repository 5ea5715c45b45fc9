"""Computes the best score that any single span of the transcript can get: the ceiling of an extractive model.

Speech recognition may have garbled an answer, so that no span scores 100. For each question, the ceiling is the best
exact match and the best F1 over all spans up to a given length in words and over all gold answers. Scores are those of
SQuAD v1.1 (see `tasks.question_answering.metrics`). A question without any answer scores 1, because "" answers it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.text.normalization import normalized_tokens


class Ceiling(NamedTuple):
    """The best reachable `exact_match` and `f1`, 0 to 1, `<float64>[num_questions]`, in the order of the examples."""

    exact_match: np.ndarray
    f1: np.ndarray

    @property
    def mean_exact_match(self) -> float:
        """The ceiling of a file's exact match, 0 to 100."""
        return float(100.0 * self.exact_match.mean()) if len(self.exact_match) else 0.0

    @property
    def mean_f1(self) -> float:
        """The ceiling of a file's F1, 0 to 100."""
        return float(100.0 * self.f1.mean()) if len(self.f1) else 0.0


def span_ceiling(examples: Sequence[SquadExample], max_answer_words: int = 30) -> Ceiling:
    """Searches every span for the best scores of each question.

    Args:
      examples: the questions; those about one paragraph should be consecutive, so that it is indexed once.
      max_answer_words: the longest span, in words separated by white space.
    """
    exact_match = np.zeros(len(examples))
    f1 = np.zeros(len(examples))
    index: ContextIndex | None = None
    for row, example in enumerate(examples):
        if index is None or index.context is not example.context:
            index = ContextIndex(example.context)
        golds = list(dict.fromkeys(tuple(normalized_tokens(answer.text)) for answer in example.answers))
        if not golds:
            exact_match[row] = f1[row] = 1.0
            continue
        exact_match[row], f1[row] = index.best_scores(golds, max_answer_words)
    return Ceiling(exact_match, f1)


class ContextIndex:
    """An index of a context's normalized tokens: where each occurs, and which word it belongs to.

    Attributes:
      context: the text.
      tokens: its normalized tokens.
      word_of: for each token, the number of the white-space separated word that it comes from.
    """

    def __init__(self, context: str) -> None:
        self.context = context
        self.tokens: list[str] = []
        self.word_of: list[int] = []
        # tokens_before[w]: the number of tokens in the words before word w. An article has none, others one or more.
        self._tokens_before = [0]
        self._has_empty_word = False
        for number, word in enumerate(context.split()):
            tokens = normalized_tokens(word)
            self.tokens += tokens
            self.word_of += [number] * len(tokens)
            self._tokens_before.append(len(self.tokens))
            self._has_empty_word = self._has_empty_word or not tokens
        self._places: dict[str, list[int]] = {}
        for place, token in enumerate(self.tokens):
            self._places.setdefault(token, []).append(place)

    def contains(self, tokens: Sequence[str]) -> bool:
        """Returns whether the tokens occur consecutively; False for an empty sequence."""
        return bool(tokens) and bool(self._occurrences(list(tokens)))

    def best_scores(self, golds: Sequence[tuple[str, ...]], max_answer_words: int) -> tuple[float, float]:
        """The best exact match and F1 of any span, over all gold answers (each given as its normalized tokens)."""
        if any(self._has_exact_span(gold, max_answer_words) for gold in golds if gold):
            return 1.0, 1.0
        # An answer such as "The" normalizes to nothing. A span that also does matches it exactly, but shares no token
        # with it, which v1.1 scores as F1 0.
        exact_match = float(self._has_empty_word and not all(golds))
        best = 0.0
        for gold in golds:
            best = self._best_f1(gold, max_answer_words, best)
        return exact_match, best

    def _occurrences(self, tokens: list[str]) -> list[int]:
        count = len(tokens)
        return [place for place in self._places.get(tokens[0], ()) if self.tokens[place : place + count] == tokens]

    def _has_exact_span(self, gold: tuple[str, ...], max_answer_words: int) -> bool:
        for first in self._occurrences(list(gold)):
            first_word, last_word = self.word_of[first], self.word_of[first + len(gold) - 1]
            # A span consists of whole words, so all tokens of its words must belong to the match.
            is_whole = self._tokens_before[first_word] == first
            is_whole = is_whole and self._tokens_before[last_word + 1] == first + len(gold)
            if is_whole and last_word - first_word < max_answer_words:
                return True
        return False

    def _best_f1(self, gold: tuple[str, ...], max_answer_words: int, best: float) -> float:
        """The best F1 with one gold answer, or `best` when no span beats it.

        Only spans that start and end at a word with a token of the answer need to be considered: dropping any other
        word at either end loses no shared token and makes the span shorter.
        """
        wanted = Counter(gold)
        hits = sorted(place for token in wanted for place in self._places.get(token, ()))
        for number, first in enumerate(hits):
            first_word = self.word_of[first]
            # A later hit in the same word starts the same span.
            if number and self.word_of[hits[number - 1]] == first_word:
                continue
            best = self._best_f1_from(hits, number, wanted, len(gold), first_word + max_answer_words, best)
        return best

    def _best_f1_from(
        self, hits: list[int], number: int, wanted: Counter[str], gold_length: int, word_limit: int, best: float
    ) -> float:
        span_start = self._tokens_before[self.word_of[hits[number]]]
        shared: Counter[str] = Counter()
        num_shared = 0
        for place in hits[number:]:
            word = self.word_of[place]
            if word >= word_limit:
                break
            span_length = self._tokens_before[word + 1] - span_start
            # F1 is 2·shared / (span + gold). If sharing the whole gold answer is no improvement, no longer span is one.
            if 2 * gold_length <= best * (span_length + gold_length):
                break
            token = self.tokens[place]
            if shared[token] < wanted[token]:
                shared[token] += 1
                num_shared += 1
                # If a word has several hits, the last one decides, because it counts all shared tokens.
                best = max(best, 2 * num_shared / (span_length + gold_length))
        return best
