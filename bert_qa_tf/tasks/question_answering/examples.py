"""The values that pass between stages: examples (text), tokens, windows and raw model results.

Shared by reading, windowing, writing, decoding and scoring. Plain NumPy: no TensorFlow here.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from bert_qa_tf.text.tokenized_text import TokenizedText

__all__ = ["Answer", "InputFeatures", "RawResult", "SquadExample", "TokenizedText"]


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
        """Whether the context holds exactly this text at this place."""
        return bool(self.text) and self.start_char >= 0 and context[self.start_char : self.end_char] == self.text


@dataclasses.dataclass(frozen=True)
class SquadExample:
    """One question about one context.

    Examples of one paragraph share the `context` object, so that it is tokenized once.

    Attributes:
      qas_id: unique within a data set.
      question: as asked.
      context: the transcript.
      answers: every gold answer, as the file has them; empty when there is none.
      is_impossible: SQuAD 2.0: the context holds no answer.
      title: the article, what a development split is cut by.
      paragraph_index: which paragraph of its article (the article's own numbering in the file).
      plausible_answers: SQuAD 2.0: what a careless reader would answer to a question that has no answer; never a label.
    """

    qas_id: str
    question: str
    context: str
    answers: tuple[Answer, ...] = ()
    is_impossible: bool = False
    title: str = ""
    paragraph_index: int = 0
    plausible_answers: tuple[Answer, ...] = ()


@dataclasses.dataclass(frozen=True)
class InputFeatures:
    """One window, field for field a row of `features.QA_FEATURES` (less what is derived).

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
    """What the model said of one window: `<float32>[num_tokens]` each, padding cut off."""

    unique_id: int
    start_logits: np.ndarray
    end_logits: np.ndarray
