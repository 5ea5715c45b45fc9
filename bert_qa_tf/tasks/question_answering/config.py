"""Settings of question answering: how contexts are cut into windows, and how logits are decoded to answers."""

from __future__ import annotations

import dataclasses
from typing import Literal

from bert_qa_tf.config import AsrSimulationConfig, RecordsConfig
from bert_qa_tf.config.checks import require, require_finite
from bert_qa_tf.config.options import option

# `input_formats.INPUT_FORMATS`, written out since a type must be.
InputFormat = Literal["auto", "squad", "rows", "nmsqa", "slue_sqa5", "heysquad", "heysquad_written"]
INPUT_FORMAT_HELP = (
    "Form of a file of questions. auto: look at the file. squad: JSON as of SQuAD, and other JSON with the same keys. "
    "The others are Parquet files, or folders of them: rows (question, context and answers, as the datasets library "
    "writes them), nmsqa, slue_sqa5 (also its TSV), heysquad (its questions as a recogniser heard them), "
    "heysquad_written (its questions as they were written)."
)
# The special tokens of `[CLS] question [SEP] context [SEP]`.
NUM_SPECIAL_TOKENS = 3


@dataclasses.dataclass(frozen=True)
class WindowingConfig:
    """How a long context is cut into windows.

    Attributes:
      max_seq_length: the length of the longest window in word pieces, including the question and special tokens.
      doc_stride: the step between the starts of two windows, in word pieces (not their overlap).
      max_query_length: questions are truncated to this many word pieces.
    """

    max_seq_length: int = option(384, "Maximum length of a record in word pieces, including special tokens.")
    doc_stride: int = option(128, "Number of word pieces from the start of one window to the start of the next.")
    max_query_length: int = option(64, "Truncate questions to this many word pieces.")

    def __post_init__(self) -> None:
        require(self.max_query_length >= 1, f"max_query_length must be at least 1, got {self.max_query_length}")
        require(self.doc_stride >= 1, f"doc_stride must be at least 1, got {self.doc_stride}")
        room = self.min_context_room
        require(
            room >= 1,
            f"max_seq_length={self.max_seq_length} leaves no room for text after a question of "
            f"max_query_length={self.max_query_length} and {NUM_SPECIAL_TOKENS} special tokens",
        )
        # With a step larger than the room, the words between two windows would be in no window at all.
        require(
            self.doc_stride <= room,
            f"doc_stride={self.doc_stride} is larger than the room for text: max_seq_length={self.max_seq_length} less "
            f"max_query_length={self.max_query_length} less {NUM_SPECIAL_TOKENS} special tokens is {room}",
        )

    @property
    def min_context_room(self) -> int:
        """The number of context word pieces that fit next to the longest question."""
        return self.max_seq_length - self.max_query_length - NUM_SPECIAL_TOKENS


@dataclasses.dataclass(frozen=True)
class DecodingConfig:
    """How start and end logits become an answer (the rules of BERT's `run_squad`).

    Attributes:
      n_best_size: candidates kept per window and per question.
      max_answer_length: the length of the longest answer in word pieces.
      version_2_with_negative: whether "" may win (SQuAD 2.0).
      null_score_diff_threshold: "" wins when null score − best non-null score is greater than this.
    """

    n_best_size: int = option(20, "Number of candidate answers to keep per window and per question.")
    max_answer_length: int = option(30, "Maximum length of an answer in word pieces.")
    version_2_with_negative: bool = False
    null_score_diff_threshold: float = option(
        0.0, "SQuAD 2.0: give no answer if the null score exceeds the best answer's score by more than this."
    )

    def __post_init__(self) -> None:
        require_finite(self)
        require(self.n_best_size >= 1, f"n_best_size must be at least 1, got {self.n_best_size}")
        require(self.max_answer_length >= 1, f"max_answer_length must be at least 1, got {self.max_answer_length}")


@dataclasses.dataclass(frozen=True)
class ConversionConfig(RecordsConfig):
    """All settings that affect the output of a conversion.

    Attributes:
      windowing: see `WindowingConfig`.
      min_aligned_fraction: a file in which a smaller share of questions has a correct answer offset is refused.
      relabel: "off", or "find" to search for the answers of a file that would be refused.
      windows_without_answer: whether such windows are labelled `[CLS]` ("cls") or left out of training ("drop").
      version_2_with_negative: whether questions may have no answer.
      asr_simulation: simulated recognition errors in the training text; None for clean text.
      input_format: the form of the input files, see `input_formats`.
    """

    windowing: WindowingConfig = option(WindowingConfig())
    min_aligned_fraction: float = option(
        0.9, "Refuse a file in which a smaller share (0 to 1) of the questions has a correct answer offset."
    )
    relabel: Literal["off", "find"] = option(
        "off",
        "What to do with a file that has too many wrong answer offsets. off: refuse it. find: accept it and search the "
        "text for its answers.",
    )
    windows_without_answer: Literal["cls", "drop"] = option(
        "cls", "Training windows that do not contain the answer: label them [CLS] (cls) or leave them out (drop)."
    )
    version_2_with_negative: bool = option(False, "Whether the data has questions without an answer (SQuAD 2.0).")
    asr_simulation: AsrSimulationConfig | None = option(None, switch="simulate_wer")
    input_format: InputFormat = option("auto", INPUT_FORMAT_HELP)

    def __post_init__(self) -> None:
        require_finite(self)
        super().__post_init__()
        require(
            0.0 <= self.min_aligned_fraction <= 1.0,
            f"min_aligned_fraction must be in [0, 1], got {self.min_aligned_fraction}",
        )


@dataclasses.dataclass(frozen=True)
class QuestionAnsweringConfig:
    """The settings that a trained model needs to answer as it was trained.

    Attributes:
      windowing: see `WindowingConfig`.
      decoding: see `DecodingConfig`.
    """

    windowing: WindowingConfig = WindowingConfig()
    decoding: DecodingConfig = DecodingConfig()


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """How many windows an exported model computes at a time.

    Attributes:
      max_windows_per_call: the most windows of a long text or a large batch that go through the model at a time.
      max_tokens_per_call: the most tokens that do so, including padding; a longer window goes alone. On a CPU, a few
        windows at a time use all cores as well as many do, and their activations stay in its caches.
    """

    max_windows_per_call: int = option(32, "Maximum number of windows that go through the model at a time.")
    max_tokens_per_call: int = option(
        1536,
        "Maximum number of tokens that go through the model at a time: the number of windows times the length of the "
        "longest. The default suits CPUs, whose caches then hold the activations; for a GPU, set ten times as many.",
    )

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            require(value >= 1, f"--{name} must be at least 1, got {value}")


@dataclasses.dataclass(frozen=True)
class ReferenceConfig:
    """Settings of reading a labelled file for scoring.

    Attributes:
      input_format: its form, see `input_formats`.
    """

    input_format: InputFormat = option("auto", INPUT_FORMAT_HELP)


@dataclasses.dataclass(frozen=True)
class RequestConfig:
    """One question about one text.

    Attributes:
      question: the question; None if a file of questions is given.
      context: the text.
      context_file: a UTF-8 file that holds the text, instead of `context`.
      input_format: the form of a file of questions, see `input_formats`.
    """

    question: str | None = option(None, "One question.")
    context: str | None = option(None, "The transcript to search, as a string.")
    context_file: str | None = option(None, "A UTF-8 text file that holds the transcript to search.")
    input_format: InputFormat = option("auto", INPUT_FORMAT_HELP)
