"""Settings of tasks that read one text at a time."""

from __future__ import annotations

import dataclasses

from bert_qa_tf.config import RecordsConfig
from bert_qa_tf.config.checks import require
from bert_qa_tf.config.options import option


@dataclasses.dataclass(frozen=True)
class TextConversionConfig(RecordsConfig):
    """Settings of the conversion of texts to records.

    Attributes:
      max_seq_length: texts are truncated to this many word pieces, including `[CLS]` and `[SEP]`.
    """

    max_seq_length: int = option(384, "Maximum length of a record in word pieces, including special tokens.")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.max_seq_length >= 3, f"max_seq_length must be at least 3, got {self.max_seq_length}")


@dataclasses.dataclass(frozen=True)
class TextSettings:
    """The settings that a trained model needs to read texts as in its training.

    Attributes:
      max_seq_length: see `TextConversionConfig`.
    """

    max_seq_length: int = 384


@dataclasses.dataclass(frozen=True)
class TextRequestConfig:
    """One text.

    Attributes:
      text: the text; None if a file is given.
      text_file: a UTF-8 file that holds the text.
    """

    text: str | None = option(None, "One text.")
    text_file: str | None = option(None, "A UTF-8 file that holds one text.")
