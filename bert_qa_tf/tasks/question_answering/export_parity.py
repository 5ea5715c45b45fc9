"""Compares the answers of an exported model with those of the model it was exported from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bert_qa_tf.tasks.base import Comparison
from bert_qa_tf.tasks.question_answering.answerer import QuestionAnswerer
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.windowing import featurize_examples


def compare_answers(
    answerer: QuestionAnswerer,
    examples: Sequence[SquadExample],
    found: Sequence[DecodedAnswer],
    tolerance: float,
) -> Comparison:
    """Compares the answers one by one.

    Args:
      answerer: the original model.
      examples: the questions.
      found: the exported model's answers.
      tolerance: two spans tie if their values of `start_logit + end_logit` differ by at most this.
    """
    comparison = Comparison()
    for example, wanted, answer in zip(examples, answerer.answer(examples), found, strict=True):
        text, start, end = answer.text, answer.start_char, answer.end_char
        if (text, start, end) == (wanted.text, wanted.start_char, wanted.end_char):
            comparison.same += 1
            continue
        line = f"{example.qas_id} ({text!r}, expected {wanted.text!r})"
        is_in_place = example.context[start:end] == text
        is_tie = is_in_place and _is_tie(answerer, example, wanted, (text, start, end), tolerance)
        (comparison.ties if is_tie else comparison.wrong).append(line)
    return comparison


def _is_tie(
    answerer: QuestionAnswerer,
    example: SquadExample,
    wanted: DecodedAnswer,
    found: tuple[str, int, int],
    tolerance: float,
) -> bool:
    """Whether the model's own scores for both answers are equal up to rounding (for "", the threshold decides)."""
    if "" in (wanted.text, found[0]):
        odds = wanted.null_odds
        return odds is not None and abs(odds - answerer.decoding.null_score_diff_threshold) <= tolerance
    scores = [_span_score(answerer, example, *place) for place in ((wanted.start_char, wanted.end_char), found[1:])]
    return abs(scores[0] - scores[1]) <= tolerance


def _span_score(answerer: QuestionAnswerer, example: SquadExample, start_char: int, end_char: int) -> float:
    """The model's score of a span in the window that decoding takes it from; −inf if it takes it from none."""
    [windows] = featurize_examples([example], answerer.tokenizer, answerer.windowing, lambda _: None)
    results = {result.unique_id: result for result in answerer.raw_results(windows)}
    best = -math.inf
    for window in windows:
        result = results[window.unique_id]
        starts = np.flatnonzero((window.token_start_chars == start_char) & (window.token_is_max_context == 1))
        ends = np.flatnonzero(window.token_end_chars == end_char)
        if len(starts) and len(ends):
            best = max(best, float(result.start_logits[starts].max() + result.end_logits[ends].max()))
    return best
