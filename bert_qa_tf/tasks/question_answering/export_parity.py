"""Whether a written model says what the model it was written from says.

What goes in: a `Predictor` of the model, and what the written one answered, in whatever process. What comes out: how
many answers are the same, which of the others are ties, and which are wrong. Asking the written one is
`fresh_check.py`'s and `exported_model.py`'s.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
import tf_keras

from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import InputFeatures, SquadExample
from bert_qa_tf.tasks.question_answering.predictor import Predictor
from bert_qa_tf.tasks.question_answering.windowing import featurize_examples

# How far the logits of two runs of the same model may lie apart, by what it computes in: other batches have other
# shapes, and their sums are taken in another order.
_TOLERANCES = {"float32": 1e-3, "bfloat16": 0.5, "float16": 0.1}


@dataclasses.dataclass
class Comparison:
    """The answers of a written model beside those of the model it was written from.

    Attributes:
      same: how many have the same text at the same place.
      ties: one line for each that differs, stands where it says, and scores alike but for rounding.
      wrong: one line for each other one.
    """

    same: int = 0
    ties: list[str] = dataclasses.field(default_factory=list)
    wrong: list[str] = dataclasses.field(default_factory=list)

    @property
    def total(self) -> int:
        """How many were compared."""
        return self.same + len(self.ties) + len(self.wrong)


def tolerance_of(model: tf_keras.Model) -> float:
    """How far logits of `model` and of what was written from it may lie apart."""
    return _TOLERANCES[compute_dtype(model)]


def compute_dtype(model: tf_keras.Model) -> str:
    """The lowest precision that any layer of the model computes in."""
    dtypes = {getattr(layer, "compute_dtype", "float32") for layer in model.submodules}
    return next((dtype for dtype in ("bfloat16", "float16") if dtype in dtypes), "float32")


def compare_answers(
    predictor: Predictor,
    examples: Sequence[SquadExample],
    found: Iterable[tuple[str, int, int]],
    tolerance: float,
) -> Comparison:
    """Compares answers one by one.

    Args:
      predictor: of the model that was written.
      examples: the questions.
      found: the written model's answers: text, `start_char`, `end_char`.
      tolerance: two spans tie when their `start_logit + end_logit` are no further apart.
    """
    comparison = Comparison()
    for example, wanted, (text, start, end) in zip(examples, predictor.answer(examples), found, strict=True):
        if (text, start, end) == (wanted.text, wanted.start_char, wanted.end_char):
            comparison.same += 1
            continue
        line = f"{example.qas_id} ({text!r}, expected {wanted.text!r})"
        is_in_place = example.context[start:end] == text
        is_tie = is_in_place and _is_tie(predictor, example, wanted, (text, start, end), tolerance)
        (comparison.ties if is_tie else comparison.wrong).append(line)
    return comparison


def _is_tie(
    predictor: Predictor,
    example: SquadExample,
    wanted: DecodedAnswer,
    found: tuple[str, int, int],
    tolerance: float,
) -> bool:
    """Whether the model itself scores both answers alike but for rounding (for "", the threshold decides)."""
    if "" in (wanted.text, found[0]):
        odds = wanted.null_odds
        return odds is not None and abs(odds - predictor.decoding.null_score_diff_threshold) <= tolerance
    scores = [_span_score(predictor, example, *place) for place in ((wanted.start_char, wanted.end_char), found[1:])]
    return abs(scores[0] - scores[1]) <= tolerance


def _span_score(predictor: Predictor, example: SquadExample, start_char: int, end_char: int) -> float:
    """What the model gives a span in the window that decoding takes it from; −inf where it takes it from none."""
    [windows] = featurize_examples([example], predictor.tokenizer, predictor.windowing, lambda _: None)
    results = {result.unique_id: result for result in predictor.raw_results(windows)}
    best = -math.inf
    for window in windows:
        result = results[window.unique_id]
        starts = np.flatnonzero((window.token_start_chars == start_char) & (window.token_is_max_context == 1))
        ends = np.flatnonzero(window.token_end_chars == end_char)
        if len(starts) and len(ends):
            best = max(best, float(result.start_logits[starts].max() + result.end_logits[ends].max()))
    return best


def largest_difference(
    predictor: Predictor, windows: Sequence[InputFeatures], found: Sequence[Sequence[Sequence[float]]]
) -> tuple[float, str]:
    """How far the logits of `serve_ids` lie from the model's own.

    Args:
      predictor: of the model.
      windows: what both were asked.
      found: for each window its start logits and its end logits.

    Returns:
      The largest difference, NaN where one is not a number, and the output in which it is.
    """
    results = {result.unique_id: result for result in predictor.raw_results(windows)}
    worst, where = 0.0, "start_logits"
    for window, logits in zip(windows, found, strict=True):
        for name, values in zip(("start_logits", "end_logits"), logits, strict=True):
            difference = float(np.abs(getattr(results[window.unique_id], name) - np.array(values)).max())
            if not difference <= worst:
                worst, where = difference, name
            if np.isnan(worst):
                return worst, where
    return worst, where
