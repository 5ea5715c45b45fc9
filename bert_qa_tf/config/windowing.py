"""How contexts are cut into windows, and how answers are read off them."""

from __future__ import annotations

import dataclasses

from bert_qa_tf.config.checks import require

# What `[CLS] question [SEP] context [SEP]` spends beside question and context.
NUM_SPECIAL_TOKENS = 3


@dataclasses.dataclass(frozen=True)
class WindowingConfig:
    """How a long context is cut into windows.

    Attributes:
      max_seq_length: the longest window in word pieces, question and special tokens included.
      doc_stride: the step between the starts of two windows, in word pieces (not their overlap).
      max_query_length: questions are cut to this many word pieces.
    """

    max_seq_length: int = 384
    doc_stride: int = 128
    max_query_length: int = 64

    def __post_init__(self) -> None:
        require(self.max_query_length >= 1, f"max_query_length must be at least 1, got {self.max_query_length}")
        require(self.doc_stride >= 1, f"doc_stride must be at least 1, got {self.doc_stride}")
        room = self.min_context_room
        require(
            room >= 1,
            f"max_seq_length={self.max_seq_length} leaves no room for text after a question of "
            f"max_query_length={self.max_query_length} and {NUM_SPECIAL_TOKENS} special tokens",
        )
        # A step larger than the room would skip words between two windows: no window would ever see them.
        require(
            self.doc_stride <= room,
            f"doc_stride={self.doc_stride} is larger than the room for text: max_seq_length={self.max_seq_length} less "
            f"max_query_length={self.max_query_length} less {NUM_SPECIAL_TOKENS} special tokens is {room}",
        )

    @property
    def min_context_room(self) -> int:
        """Word pieces of context that fit beside the longest question."""
        return self.max_seq_length - self.max_query_length - NUM_SPECIAL_TOKENS


@dataclasses.dataclass(frozen=True)
class DecodingConfig:
    """How start and end logits become an answer (the rules of BERT's `run_squad`).

    Attributes:
      n_best_size: candidates kept per window and per question.
      max_answer_length: longest answer in word pieces.
      version_2_with_negative: whether "" may win (SQuAD 2.0).
      null_score_diff_threshold: "" wins when null score − best non-null score is greater than this.
    """

    n_best_size: int = 20
    max_answer_length: int = 30
    version_2_with_negative: bool = False
    null_score_diff_threshold: float = 0.0

    def __post_init__(self) -> None:
        require(self.n_best_size >= 1, f"n_best_size must be at least 1, got {self.n_best_size}")
        require(self.max_answer_length >= 1, f"max_answer_length must be at least 1, got {self.max_answer_length}")
