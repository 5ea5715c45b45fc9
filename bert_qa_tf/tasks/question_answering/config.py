"""Settings of question answering: how contexts are cut into windows, and how answers are read off them."""

from __future__ import annotations

import dataclasses
from typing import Literal

from bert_qa_tf.config import AsrSimulationConfig, RecordsConfig
from bert_qa_tf.config.checks import require
from bert_qa_tf.config.options import option

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

    max_seq_length: int = option(384, "Longest record in word pieces, special tokens included.")
    doc_stride: int = option(128, "Word pieces from the start of one window to the start of the next.")
    max_query_length: int = option(64, "Questions are cut to this many word pieces.")

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

    n_best_size: int = option(20, "Candidate answers kept per window and question.")
    max_answer_length: int = option(30, "Longest answer in word pieces.")
    version_2_with_negative: bool = False
    null_score_diff_threshold: float = option(
        0.0, "SQuAD 2.0: answer nothing when the null score exceeds the best answer's score by more than this."
    )

    def __post_init__(self) -> None:
        require(self.n_best_size >= 1, f"n_best_size must be at least 1, got {self.n_best_size}")
        require(self.max_answer_length >= 1, f"max_answer_length must be at least 1, got {self.max_answer_length}")


@dataclasses.dataclass(frozen=True)
class ConversionConfig(RecordsConfig):
    """Everything that decides the bytes of a conversion.

    Attributes:
      windowing: see `WindowingConfig`.
      min_aligned_fraction: a file with a smaller share of questions whose answer offset fits is refused.
      relabel: "off", or "find" to search for the answers of a file that would be refused.
      windows_without_answer: label them `[CLS]` ("cls") or leave them out of training ("drop").
      version_2_with_negative: whether questions may have no answer.
      asr_simulation: simulated recognition errors in the training text; None for clean text.
    """

    windowing: WindowingConfig = option(WindowingConfig())
    min_aligned_fraction: float = option(
        0.9, "Refuse a file in which a smaller share of the questions has an answer offset that fits its text."
    )
    relabel: Literal["off", "find"] = option(
        "off", "find: accept a file with bad offsets and search the text for its answers."
    )
    windows_without_answer: Literal["cls", "drop"] = option(
        "cls", "Training windows that do not hold the answer: point them at [CLS], or leave them out."
    )
    version_2_with_negative: bool = option(False, "The data has questions without an answer (SQuAD 2.0).")
    asr_simulation: AsrSimulationConfig | None = option(None, switch="simulate_wer")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            0.0 <= self.min_aligned_fraction <= 1.0,
            f"min_aligned_fraction must be in [0, 1], got {self.min_aligned_fraction}",
        )


@dataclasses.dataclass(frozen=True)
class QuestionAnsweringConfig:
    """What a trained model needs to answer as it was trained.

    Attributes:
      windowing: see `WindowingConfig`.
      decoding: see `DecodingConfig`.
    """

    windowing: WindowingConfig = WindowingConfig()
    decoding: DecodingConfig = DecodingConfig()


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """How much of a long text an exported model computes at a time.

    Attributes:
      max_windows_per_call: of a long text or a large batch, so many windows at most go through the model at a time.
      max_tokens_per_call: and so many tokens at most, padding included (a window that is longer goes alone). On a CPU,
        some windows at a time fill all cores as well as many do, and what they compute stays in its caches.
    """

    max_windows_per_call: int = option(32, "Windows of a long text that go through the model at a time.")
    max_tokens_per_call: int = option(
        1536,
        "And no more tokens than this, counted as the number of windows times the longest of them. The default suits "
        "CPUs, whose caches then hold what is computed; for a GPU take ten times as many.",
    )

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            require(value >= 1, f"--{name} must be at least 1, got {value}")


@dataclasses.dataclass(frozen=True)
class RequestConfig:
    """One question about one text.

    Attributes:
      question: None where a file of questions is given.
      context: the text.
      context_file: a UTF-8 file that holds it, instead of `context`.
    """

    question: str | None = option(None, "One question.")
    context: str | None = option(None, "The transcript to search, as a string.")
    context_file: str | None = option(None, "The transcript to search, a UTF-8 text file.")
