"""Turns questions about clean text into questions about the text with simulated recognition errors.

Each answer becomes what is heard in its place (`asr_simulation/simulated_text.py`). Questions are left out and counted
if too little of their answer is heard.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bert_qa_tf.asr_simulation.simulated_text import HeardSpan, SimulatedText, TextSimulator
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample

# The counters of a conversion, over all copies.
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
    """A training question about one copy of its paragraph.

    Attributes:
      example: the question with the context of this copy; it has no gold answers.
      answer: its label; None for a question without an answer.
      copy: the number of the copy, from 0; the clean ones come first.
    """

    example: SquadExample
    answer: Answer | None
    copy: int


def simulated_copies(
    questions: Sequence[tuple[SquadExample, Answer | None]], simulator: TextSimulator, counts: Counter[str]
) -> Iterator[SimulatedQuestion]:
    """Makes all copies of a paragraph, with those of its questions that can still be trained on.

    Args:
      questions: questions about one context with their answers, whose offsets are correct; None for no answer.
      simulator: decides what is heard and how many copies there are.
      counts: the counters, of which `SIMULATION_COUNTERS` are increased.

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
    """The signed 64-bit fingerprint of a copy of a window, given the window's own."""
    digest = hashlib.blake2b(f"{unique_id}\0{copy}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def simulated_examples(
    examples: Iterable[SquadExample], simulator: TextSimulator, copy: int = 0, counts: Counter[str] | None = None
) -> Iterator[SquadExample]:
    """Makes a data set with simulated recognition errors that can be audited and scored like real recognised speech.

    Args:
      examples: questions about clean text.
      simulator: decides what is heard.
      copy: the number of the copy to make.
      counts: the counters; those of `SIMULATION_COUNTERS` for words, errors and answers are increased.

    Yields:
      The same questions. A gold answer that survives is replaced by what is heard. One that does not survive keeps the
      words that were said, at a wrong offset: −1, or the place where something else is heard. An answer whose offset
      in the clean text is wrong keeps its text, at −1.
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
