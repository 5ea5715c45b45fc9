"""A baseline without a model: it answers with the words of the transcript that are nearest to those of the question.

It follows the sliding window of MCTest (Richardson et al. 2013) and its use as a baseline for SQuAD (Rajpurkar et al.
2016). A span's score counts the question's words around it, rare words count more, and no word of the question is part
of an answer. No parser proposes phrases: every span of a given number of words that begins and ends with a content word
is considered. This module does not import TensorFlow.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from bert_qa_tf.tasks.question_answering import metrics
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.text.normalization import normalize_answer

_WINDOWS = (3, 6, 12, None)
_LENGTHS = (1, 2, 3, 4, 5, 6)
_SENTENCE_ENDS = (".", "!", "?")
# Function words occur in most sentences, and so say little about which sentence is meant.
_FUNCTION_WORDS = """
am and are as at be been but by can could did do does for from had has have he her him his how i if in is it its me
my no not of on or our she should so than that their them then there they this to us was we were what when where
which who whom whose why will with would you your
"""
_FUNCTIONS = frozenset(_FUNCTION_WORDS.split())


class Variant(NamedTuple):
    """A way to measure the overlap.

    Attributes:
      length: the number of words in each answer.
      window: how many words on either side count, across sentences too; None for the rest of the sentence.
      nearer_counts_more: whether a word's weight is divided by its distance from the answer.
    """

    length: int
    window: int | None
    nearer_counts_more: bool

    def __str__(self) -> str:
        where = "its sentence" if self.window is None else f"{self.window} words on either side"
        return f"answers of {self.length} words, by {where}{', nearer counts more' if self.nearer_counts_more else ''}"


VARIANTS = tuple(itertools.starmap(Variant, itertools.product(_LENGTHS, _WINDOWS, (False, True))))


class Overlap(NamedTuple):
    """The result of a variant: the variant, its F1 (0 to 100), and its answer texts by question id."""

    variant: Variant
    f1: float
    predictions: dict[str, str]


def best_word_overlap(examples: Sequence[SquadExample], variants: Sequence[Variant] = VARIANTS) -> Overlap:
    """Finds the variant with the best F1 on these questions, which a real baseline could not know beforehand.

    Args:
      examples: questions with gold answers.
      variants: the variants to try; of equally good ones the first is taken.
    """
    tried = []
    for variant in variants:
        predictions = word_overlap(examples, variant)
        scores = metrics.score(examples, predictions, version_2=any(example.is_impossible for example in examples))
        tried.append(Overlap(variant, scores.f1, predictions))
    return max(tried, key=lambda overlap: overlap.f1)


def word_overlap(examples: Sequence[SquadExample], variant: Variant) -> dict[str, str]:
    """Answers every question by one variant; returns question id → text, "" if no span qualifies.

    Args:
      examples: the questions; their gold answers are not used.
      variant: how the overlap is measured.
    """
    return {example.qas_id: _answer(example, variant) for example in examples}


def _answer(example: SquadExample, variant: Variant) -> str:
    words = example.context.split()
    tokens = [normalize_answer(word) for word in words]
    asked = {normalize_answer(word) for word in example.question.split()} - _FUNCTIONS - {""}
    counts = Counter(tokens)
    weights = [math.log1p(1 / counts[token]) if token in asked else 0.0 for token in tokens]
    sentences = _sentence_numbers(words)
    best, best_score = "", -1.0
    for start in range(len(words) - variant.length + 1):
        end = start + variant.length
        if sentences[start] != sentences[end - 1] or not _may_answer(tokens[start:end], asked):
            continue
        score = _score(start, end, weights, sentences, variant)
        if score > best_score:
            best, best_score = " ".join(words[start:end]).rstrip("".join(_SENTENCE_ENDS)), score
    return best


def _sentence_numbers(words: Sequence[str]) -> list[int]:
    ends = [word.endswith(_SENTENCE_ENDS) for word in words]
    return list(itertools.accumulate([0, *ends[:-1]])) if words else []


def _may_answer(tokens: Sequence[str], asked: set[str]) -> bool:
    edges = (tokens[0], tokens[-1])
    return not any(edge in _FUNCTIONS or not edge for edge in edges) and asked.isdisjoint(tokens)


def _score(start: int, end: int, weights: Sequence[float], sentences: Sequence[int], variant: Variant) -> float:
    total = 0.0
    for place, weight in enumerate(weights):
        if not weight:
            continue
        distance = start - place if place < start else place - end + 1
        inside = sentences[place] == sentences[start] if variant.window is None else distance <= variant.window
        if inside:
            total += weight / distance if variant.nearer_counts_more else weight
    return total
