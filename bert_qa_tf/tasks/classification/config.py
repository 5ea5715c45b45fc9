"""Settings of classification."""

from __future__ import annotations

import dataclasses
from typing import Literal

from bert_qa_tf.config import ColumnsConfig
from bert_qa_tf.config.options import option
from bert_qa_tf.tasks.classification.labels import LabelSet, class_weights, parse_class_weights
from bert_qa_tf.tasks.single_text.config import TextConversionConfig, TextRequestConfig, TextSettings

_TEXT_COLUMN = (
    "Column of the texts in a table, or key in JSON lines: a name or, in a table, a position from 0. By default "
    "sentence or text."
)
_LABEL_COLUMN = "Column of the labels, likewise. label by default."
_HEADER = "Whether a table's first line names its columns. By default it does, unless all columns are positions."
_HEADER_FLAG = "header_row"  # `client` has a --header of its own


@dataclasses.dataclass(frozen=True)
class ClassificationConversionConfig(TextConversionConfig):
    """How labelled sentences become records.

    Attributes:
      text_column, label_column, header: see `ColumnsConfig`.
      labels: the labels, in their order; empty for those that the data has.
    """

    text_column: str | None = option(None, _TEXT_COLUMN)
    label_column: str | None = option(None, _LABEL_COLUMN)
    header: bool | None = option(None, _HEADER, flag=_HEADER_FLAG)
    labels: tuple[str, ...] = option((), "The labels, with commas between them; those found in the data by default.")

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.columns  # checks itself

    @property
    def columns(self) -> ColumnsConfig:
        """Which columns hold what."""
        return ColumnsConfig(self.text_column, self.label_column, self.header)


@dataclasses.dataclass(frozen=True)
class ClassificationTrainingConfig:
    """What training adds.

    Attributes:
      class_weights: "none", "balanced", or `label=weight` for each label with commas between them.
      pooling: see `single_text.model.sentence_output`.
    """

    class_weights: str = option(
        "none",
        "How much an example of each class counts: none (all alike), balanced (rare classes more, so that all classes "
        "weigh the same), or label=weight,label=weight…",
    )
    pooling: Literal["pooler", "mean"] = option(
        "pooler",
        "What the label is read off: the encoder's pooler, as in BERT's recipe, or the mean over the text's word "
        "pieces, which suits minilm better.",
    )

    def __post_init__(self) -> None:
        parse_class_weights(self.class_weights)


@dataclasses.dataclass(frozen=True)
class ClassificationSettings(TextSettings):
    """What a trained model needs to classify as it was trained.

    Attributes:
      labels: the classes, in the order of the logits.
      label_counts: training examples of each.
      training: see `ClassificationTrainingConfig`.
    """

    labels: tuple[str, ...] = ()
    label_counts: tuple[int, ...] = ()
    training: ClassificationTrainingConfig = ClassificationTrainingConfig()

    @property
    def label_set(self) -> LabelSet:
        """The labels."""
        return LabelSet(self.labels)

    @property
    def class_weights(self) -> tuple[float, ...] | None:
        """What the loss of each class is multiplied by; None for 1 each.

        Raises:
          InputError: the weights are not for these labels.
        """
        setting = parse_class_weights(self.training.class_weights)
        if setting == "none":
            return None
        return class_weights(setting, self.label_set, dict(zip(self.labels, self.label_counts, strict=True)))


@dataclasses.dataclass(frozen=True)
class ClassificationRequestConfig(TextRequestConfig):
    """One sentence, or how to read a file of them.

    Attributes:
      text_column, header: see `ColumnsConfig`.
    """

    text_column: str | None = option(None, _TEXT_COLUMN)
    header: bool | None = option(None, _HEADER, flag=_HEADER_FLAG)

    def __post_init__(self) -> None:
        _ = self.columns  # checks itself

    @property
    def columns(self) -> ColumnsConfig:
        """Which column holds the texts."""
        return ColumnsConfig(text=self.text_column, header=self.header)
