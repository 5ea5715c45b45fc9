"""Turns questions about clean text into questions about what a simulated recogniser heard of it.

Answers are carried along to what is heard in their place (`asr_simulation/simulated_text.py`); those of which too
little is heard are left out and counted.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bert_qa_tf.asr_simulation.simulated_text import HeardSpan, SimulatedText, TextSimulator
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample

# What a conversion counts, over all copies.
SIMULATION_COUNTERS = (
    "simulated_words",
    "simulated_word_errors",
    "simulated_questions",
    "simulated_answers_exact",
    "simulated_answers_aligned",
    "simulated_answers_lost",
    "simulated_questions_dropped",
)


class SimulatedQuestion(NamedTuple):
    """A question to train on, about one copy of its paragraph.

    Attributes:
      example: the question with the context of this copy; it has no gold answers.
      answer: its label; None for a question that has none.
      copy: the number of the copy, from 0; the clean ones come first.
    """

    example: SquadExample
    answer: Answer | None
    copy: int


def simulated_copies(
    questions: Sequence[tuple[SquadExample, Answer | None]], simulator: TextSimulator, counts: Counter[str]
) -> Iterator[SimulatedQuestion]:
    """All copies of a paragraph, with those of its questions that can still be trained on.

    Args:
      questions: about one context; the answers' offsets fit it, None for a question without an answer.
      simulator: decides what is heard, and how many copies there are.
      counts: `SIMULATION_COUNTERS` are added to.

    Yields:
      The questions of the first copy, then those of the next.
    """
    config = simulator.config
    min_confidence = 1.0 if config.answers == "exact" else config.min_confidence
    for copy in range(config.clean_copies):
        for example, answer in questions:
            yield SimulatedQuestion(dataclasses.replace(example, answers=()), answer, copy)
    for number in range(config.copies):
        heard = _hear(questions[0][0].context, number, simulator, counts)
        for example, answer in questions:
            label = None
            if answer is not None:
                span = _carry(answer, heard, counts)
                if span.outcome == "lost" or span.confidence < min_confidence:
                    counts["simulated_questions_dropped"] += 1
                    continue
                label = Answer(span.text, span.start_char)
            counts["simulated_questions"] += 1
            example = dataclasses.replace(example, context=heard.text, answers=())
            yield SimulatedQuestion(example, label, config.clean_copies + number)


def copy_id(unique_id: int, copy: int) -> int:
    """A signed 64-bit fingerprint of a copy of a window, given that of the window."""
    digest = hashlib.blake2b(f"{unique_id}\0{copy}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def simulated_examples(
    examples: Iterable[SquadExample], simulator: TextSimulator, copy: int = 0, counts: Counter[str] | None = None
) -> Iterator[SquadExample]:
    """Questions about what is heard of their contexts, to be audited and scored like a data set of recognised speech.

    Args:
      examples: of clean text.
      simulator: decides what is heard.
      copy: which of the copies that it would make.
      counts: words, errors and answers are added to those of `SIMULATION_COUNTERS`.

    Yields:
      The same questions. A gold answer that came through is what is heard; one that did not keeps the words that were
      said, at an offset that does not fit: −1, or where something else is heard. An answer whose offset does not fit
      the clean text is kept as it is, at −1.
    """
    counts = Counter() if counts is None else counts
    clean, heard = None, None
    for example in examples:
        if clean is not example.context:
            clean, heard = example.context, _hear(example.context, copy, simulator, counts)
        answers = tuple(_gold_answer(answer, example, heard, counts) for answer in example.answers)
        yield dataclasses.replace(example, context=heard.text, answers=answers, plausible_answers=())
        counts["simulated_questions"] += 1


def _hear(context: str, copy: int, simulator: TextSimulator, counts: Counter[str]) -> SimulatedText:
    heard = simulator.hear(context, copy)
    counts["simulated_words"] += len(heard.said)
    counts["simulated_word_errors"] += heard.word_errors
    return heard


def _carry(answer: Answer, heard: SimulatedText, counts: Counter[str]) -> HeardSpan:
    span = heard.place(answer.start_char, answer.end_char)
    counts[f"simulated_answers_{span.outcome}"] += 1
    return span


def _gold_answer(answer: Answer, example: SquadExample, heard: SimulatedText, counts: Counter[str]) -> Answer:
    if not answer.fits(example.context):
        counts["answers_misaligned"] += 1
        return Answer(answer.text, -1)
    span = _carry(answer, heard, counts)
    return Answer(span.text if span.outcome == "exact" else span.said or answer.text, span.start_char)
