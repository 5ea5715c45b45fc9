"""Scores when answers are said: the overlap of predicted and gold seconds.

    AOS       overlap ÷ union of the two stretches: the audio overlapping score of spoken question answering (Li et al.
              2018, arXiv:1804.00320; Lin et al. 2022, arXiv:2203.04911)
    frame F1  2PR ÷ (P + R), with precision P = overlap ÷ predicted length and recall R = overlap ÷ gold length (Shon et
              al. 2023, arXiv:2212.10525)

Both are the best over the gold stretches of a question, and 0 where a stretch has no length or no time is known. An
answer has seconds where the file has word times of the text (`SquadExample.word_times`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import SquadExample

Stretch = tuple[float, float]


class Overlap(NamedTuple):
    """The agreement of two stretches of time, each figure 0 to 1."""

    aos: float
    frame_f1: float


def overlap(predicted: Stretch, gold: Stretch) -> Overlap:
    """Compares two stretches of time, each begin and end in seconds."""
    shared = min(predicted[1], gold[1]) - max(predicted[0], gold[0])
    if shared <= 0:
        return Overlap(0.0, 0.0)
    union = max(predicted[1], gold[1]) - min(predicted[0], gold[0])
    precision, recall = shared / (predicted[1] - predicted[0]), shared / (gold[1] - gold[0])
    return Overlap(shared / union, 2 * precision * recall / (precision + recall))


def predicted_secs(example: SquadExample, answer: DecodedAnswer) -> Stretch | None:
    """Returns when an answer begins and ends; None if it is empty or no time of it is known."""
    return example.word_times.secs_of(answer.start_char, answer.end_char) if answer.text else None


def score(examples: Sequence[SquadExample], answers: Mapping[str, DecodedAnswer] | None) -> dict[str, Any]:
    """Scores the seconds of answers.

    Args:
      examples: the questions.
      answers: the answer of each; None if only texts are known.

    Returns:
      Nothing if the file has no gold seconds. Otherwise `seconds`: `total`, the number of questions with gold seconds
      and word times, and over these `aos` and `frame_f1`, 0 to 100; or `seconds_reason`, why there are none.
    """
    timed = [example for example in examples if example.gold_secs]
    if not timed:
        return {}
    if answers is None:
        return {"seconds_reason": "only the texts of the answers are known, not their places"}
    scored = [example for example in timed if example.word_times]
    if not scored:
        return {"seconds_reason": "the file says when answers are said, but not when the words of the text are"}
    sums = [0.0, 0.0]
    for example in scored:
        found = predicted_secs(example, answers[example.qas_id])
        if found is not None:
            overlaps = [overlap(found, gold) for gold in example.gold_secs]
            sums[0] += max(pair.aos for pair in overlaps)
            sums[1] += max(pair.frame_f1 for pair in overlaps)
    return {
        "seconds": {
            "total": len(scored),
            "aos": 100.0 * sums[0] / len(scored),
            "frame_f1": 100.0 * sums[1] / len(scored),
        }
    }


def to_json(examples: Sequence[SquadExample], answers: Mapping[str, DecodedAnswer]) -> dict[str, Any]:
    """Returns the predicted and the gold seconds of each question that has gold seconds, by id."""
    return {
        example.qas_id: {
            "predicted": predicted_secs(example, answers[example.qas_id]),
            "gold": [list(stretch) for stretch in example.gold_secs],
        }
        for example in examples
        if example.gold_secs
    }
