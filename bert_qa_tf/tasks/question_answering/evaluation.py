"""Scores the answers to the questions of one file and builds the contents of `metrics.json`.

The scores of single answers are in `metrics.py`. This module does not import TensorFlow.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bert_qa_tf.evaluation.bootstrap import bootstrap_intervals
from bert_qa_tf.tasks.base import Answerer, Evaluation
from bert_qa_tf.tasks.question_answering import metrics as squad_metrics
from bert_qa_tf.tasks.question_answering import seconds, word_overlap
from bert_qa_tf.tasks.question_answering.ceiling import span_ceiling
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer, Predictions
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.validation import aligned_question_count, answer_survived
from bert_qa_tf.tasks.question_answering.windowing import answer_token_span
from bert_qa_tf.text.tokenized_text import TokenizedText
from bert_qa_tf.text.tokenizer import Tokenizer

# Below this share of questions with a correct offset, the file's offsets are no measure of a model's offsets.
MIN_ALIGNED_FRACTION = 0.9
# The name of the baseline in tables and folder names.
WORD_OVERLAP = "best word overlap"
_INTERVALS = ("exact_match", "f1")
_SPAN_METRICS = ("start_accuracy", "end_accuracy", "span_accuracy")


@dataclasses.dataclass(frozen=True)
class FileReference:
    """The properties of a labelled file that do not depend on a model; computed once for all models.

    Attributes:
      path: the file.
      examples: its questions.
      version_2: whether SQuAD 2.0's rules apply, because the file marks questions as unanswerable.
      ceiling_exact_match, ceiling_f1: the best that any span can score, 0 to 100.
      survived: whether the transcript still contains an answer, `<bool>[num_questions]`.
      aligned, answerable: the numbers of questions with a correct offset, and of questions that have an answer.
    """

    path: str
    examples: Sequence[SquadExample]
    version_2: bool
    ceiling_exact_match: float
    ceiling_f1: float
    survived: np.ndarray
    aligned: int
    answerable: int

    @classmethod
    def of(cls, path: str, examples: Sequence[SquadExample]) -> FileReference:
        """Computes the properties of a file."""
        ceiling = span_ceiling(examples)
        aligned = aligned_question_count(examples)
        return cls(
            path=path,
            examples=examples,
            version_2=any(example.is_impossible for example in examples),
            ceiling_exact_match=ceiling.mean_exact_match,
            ceiling_f1=ceiling.mean_f1,
            survived=answer_survived(examples),
            aligned=aligned.aligned,
            answerable=aligned.answerable,
        )


def evaluate(
    reference: FileReference,
    predictions: Mapping[str, str],
    *,
    answers: Mapping[str, DecodedAnswer] | None = None,
    tokenizer: Tokenizer | None = None,
    null_odds: Mapping[str, float] | None = None,
    source: str = "predictions",
) -> dict[str, Any]:
    """Scores one set of predictions on one file.

    Args:
      reference: the file.
      predictions: answer text by question id, for exactly its questions.
      answers: the same answers with their offsets; None if only texts are known.
      tokenizer: the model's tokenizer; together with `answers`, it allows comparing spans in word pieces.
      null_odds: for SQuAD 2.0, the null odds by question id.
      source: the name of the predictions' source, for messages.

    Returns:
      The contents of `metrics.json`.

    Raises:
      InputError: not every question is answered, or an answer belongs to no question.
    """
    scores = squad_metrics.score(
        reference.examples,
        predictions,
        version_2=reference.version_2,
        null_odds=null_odds if reference.version_2 and null_odds else None,
        source=source,
    )
    metrics = {"file": os.path.basename(reference.path.rstrip("/")), **scores.to_dict()}
    intervals = bootstrap_intervals(scores.questions)
    metrics["confidence_intervals_95"] = {
        name: {"low": intervals[name].low, "high": intervals[name].high} for name in _INTERVALS
    }
    metrics |= {
        "ceiling_exact_match": reference.ceiling_exact_match,
        "ceiling_f1": reference.ceiling_f1,
        "share_of_ceiling_exact_match": _share(scores.exact_match, reference.ceiling_exact_match),
        "share_of_ceiling_f1": _share(scores.f1, reference.ceiling_f1),
    }
    survived, lost = squad_metrics.split_scores(scores, reference.survived)
    metrics["answer_survived_recognition"] = _brief(survived)
    metrics["answer_lost_in_recognition"] = _brief(lost)
    metrics["questions_cut"] = _num_cut(answers)
    metrics |= _span_accuracies(reference, answers, tokenizer)
    return metrics | seconds.score(reference.examples, answers)


def evaluate_answerer(
    reference: FileReference, answerer: Answerer, source: str, progress: Callable[..., Iterable[DecodedAnswer]]
) -> Evaluation:
    """Answers all questions of a file and scores the answers.

    Args:
      reference: the file.
      answerer: a model. If it has a `tokenizer`, the spans of its answers are scored too.
      source: its name, for messages.
      progress: see `Task.evaluate`.
    """
    predictions = Predictions()
    answers = progress(answerer.answer(reference.examples), total=len(reference.examples))
    for example, answer in zip(reference.examples, answers, strict=True):
        predictions.add(example.qas_id, answer)
    metrics = evaluate(
        reference,
        predictions.predictions,
        answers=predictions.answers,
        tokenizer=getattr(answerer, "tokenizer", None),
        null_odds=predictions.null_odds,
        source=source,
    )
    times = seconds.to_json(reference.examples, predictions.answers)
    return Evaluation(metrics, _files(predictions) | ({"answer_seconds.json": times} if times else {}))


def evaluate_word_overlap(reference: FileReference) -> Evaluation:
    """Scores the best variant of the word-overlap baseline, and prints which one it is."""
    overlap = word_overlap.best_word_overlap(reference.examples)
    print(f"{WORD_OVERLAP}, {os.path.basename(reference.path.rstrip('/'))}: {overlap.variant}")
    metrics = evaluate(reference, overlap.predictions, source=WORD_OVERLAP)
    return Evaluation({**metrics, "variant": str(overlap.variant)})


def _num_cut(answers: Mapping[str, DecodedAnswer] | None) -> int | None:
    """Counts the questions of which the model did not read the end; None if that is unknown."""
    if answers is None or any(answer.question_tokens_cut is None for answer in answers.values()):
        return None
    return sum(answer.question_tokens_cut > 0 for answer in answers.values())


def _share(value: float, ceiling: float) -> float | None:
    return value / ceiling if ceiling else None


def _brief(scores: squad_metrics.SquadScores | None) -> dict[str, Any]:
    if scores is None:
        return {"total": 0, "exact_match": None, "f1": None}
    return {"total": scores.total, "exact_match": scores.exact_match, "f1": scores.f1}


def _span_accuracies(
    reference: FileReference, answers: Mapping[str, DecodedAnswer] | None, tokenizer: Tokenizer | None
) -> dict[str, Any]:
    """Start, end and span accuracy in word pieces, over the questions with a correct offset."""
    fraction = reference.aligned / reference.answerable if reference.answerable else 1.0
    reason = None
    if answers is None:
        reason = "only the texts of the answers are known, not their places"
    elif tokenizer is None:
        reason = "an exported model does not tell how it cuts words into pieces"
    elif fraction < MIN_ALIGNED_FRACTION:
        reason = (
            f"the file's offsets do not fit its text: {reference.aligned} of {reference.answerable} questions have one "
            "that does"
        )
    if reason:
        return dict.fromkeys(_SPAN_METRICS) | {"span_accuracy_reason": reason}
    hits, total = np.zeros(len(_SPAN_METRICS)), 0
    known: tuple[str, TokenizedText] | None = None
    for example in reference.examples:
        if known is None or known[0] is not example.context:
            known = (example.context, tokenizer.tokenize_texts([example.context])[0])
        gold = _gold_places(example, known[1])
        if not gold:
            continue
        total += 1
        answer = answers[example.qas_id]
        start_right = any(answer.start_char == start for start, _ in gold)
        end_right = any(answer.end_char == end for _, end in gold)
        hits += (start_right, end_right, (answer.start_char, answer.end_char) in gold)
    values = (100.0 * hits / total).tolist() if total else [None] * len(_SPAN_METRICS)
    return dict(zip(_SPAN_METRICS, values, strict=True)) | {"span_accuracy_total": total}


def _gold_places(example: SquadExample, context: TokenizedText) -> set[tuple[int, int]]:
    """The gold answers' spans, widened to whole word pieces as predictions are; (0, 0) for no answer."""
    if example.is_impossible:
        return {(0, 0)}
    spans = (
        answer_token_span(answer, context.start_chars, context.end_chars)
        for answer in example.answers
        if answer.fits(example.context)
    )
    return {(int(context.start_chars[span[0]]), int(context.end_chars[span[1]])) for span in spans if span is not None}


def _files(predictions: Predictions) -> dict[str, Any]:
    """The files that are written next to `metrics.json`."""
    named = {"predictions.json": predictions.predictions, "nbest_predictions.json": predictions.nbest}
    return named | ({"null_odds.json": predictions.null_odds} if predictions.null_odds else {})
