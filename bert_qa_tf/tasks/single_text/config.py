"""Settings of tasks that read one text at a time."""

from __future__ import annotations

import dataclasses

from bert_qa_tf.config import RecordsConfig
from bert_qa_tf.config.checks import require
from bert_qa_tf.config.options import option


@dataclasses.dataclass(frozen=True)
class TextConversionConfig(RecordsConfig):
    """How texts become records.

    Attributes:
      max_seq_length: texts are cut to so many word pieces, `[CLS]` and `[SEP]` included.
    """

    max_seq_length: int = option(384, "Longest record in word pieces, special tokens included.")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.max_seq_length >= 3, f"max_seq_length must be at least 3, got {self.max_seq_length}")


@dataclasses.dataclass(frozen=True)
class TextSettings:
    """What a trained model needs to read texts as in its training.

    Attributes:
      max_seq_length: see `TextConversionConfig`.
    """

    max_seq_length: int = 384


@dataclasses.dataclass(frozen=True)
class TextRequestConfig:
    """One text.

    Attributes:
      text: None where a file is given.
      text_file: a UTF-8 file that holds it.
    """

    text: str | None = option(None, "One text.")
    text_file: str | None = option(None, "One text, a UTF-8 file.")
