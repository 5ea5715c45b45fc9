"""Defines the values that pass between stages: examples (text), windows and raw model results.

They are shared by reading, windowing, writing, decoding and scoring, and use plain NumPy without TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from bert_qa_tf.text.tokenized_text import TokenizedText

__all__ = ["Answer", "InputFeatures", "RawResult", "SquadExample", "TimedWords", "TokenizedText"]


@dataclasses.dataclass(frozen=True)
class Answer:
    """A gold answer: its text and where it starts in the context (Unicode code points)."""

    text: str
    start_char: int

    @property
    def end_char(self) -> int:
        """Where the answer ends, exclusive."""
        return self.start_char + len(self.text)

    def fits(self, context: str) -> bool:
        """Whether the context has exactly this text at this offset."""
        return bool(self.text) and self.start_char >= 0 and context[self.start_char : self.end_char] == self.text


class TimedWord(NamedTuple):
    """A word's place in a text (characters, the end exclusive) and its time (seconds of the recording)."""

    start_char: int
    end_char: int
    start_secs: float
    end_secs: float


class TimedWords(tuple[TimedWord, ...]):
    """The words of a text whose times are known, in order."""

    def __new__(cls, words: Iterable[TimedWord] = ()) -> TimedWords:
        """Takes the words in order."""
        return super().__new__(cls, words)

    def secs_of(self, start_char: int, end_char: int) -> tuple[float, float] | None:
        """Returns when a span of the text begins and ends, in seconds; None if no time of it is known.

        Args:
          start_char: where the span starts.
          end_char: where it ends, exclusive.
        """
        inside = [word for word in self if word.start_char < end_char and start_char < word.end_char]
        return (inside[0].start_secs, inside[-1].end_secs) if inside else None


@dataclasses.dataclass(frozen=True)
class SquadExample:
    """One question about one context.

    Examples of one paragraph share the `context` object, so that it is tokenized once.

    Attributes:
      qas_id: unique within a data set.
      question: the text of the question.
      context: the transcript.
      answers: every gold answer, as in the file; empty if there is none.
      is_impossible: for SQuAD 2.0, whether the context contains no answer.
      title: the title of the article, by which the development split is made.
      paragraph_index: the number of the paragraph within its article in the file.
      plausible_answers: for SQuAD 2.0, tempting wrong answers to a question without an answer; never used as labels.
      gold_secs: when the answer is said in the recording, begin and end in seconds, once for each place; empty if the
        file does not say. A data set may list other places here than in `answers`.
      word_times: when the words of the context were said; empty if the file does not say.
    """

    qas_id: str
    question: str
    context: str
    answers: tuple[Answer, ...] = ()
    is_impossible: bool = False
    title: str = ""
    paragraph_index: int = 0
    plausible_answers: tuple[Answer, ...] = ()
    gold_secs: tuple[tuple[float, float], ...] = ()
    word_times: TimedWords = TimedWords()


@dataclasses.dataclass(frozen=True)
class InputFeatures:
    """One window, with the fields of `features.QA_FEATURES` except those that are derived.

    Arrays are `<int32>[num_tokens]`, unpadded.
    """

    input_word_ids: np.ndarray
    input_type_ids: np.ndarray
    start_positions: int
    end_positions: int
    unique_id: int
    qas_id: str
    doc_span_index: int
    token_start_chars: np.ndarray
    token_end_chars: np.ndarray
    token_is_max_context: np.ndarray

    def __len__(self) -> int:
        return len(self.input_word_ids)


class RawResult(NamedTuple):
    """The model's logits for one window, each `<float32>[num_tokens]`, without padding."""

    unique_id: int
    start_logits: np.ndarray
    end_logits: np.ndarray
