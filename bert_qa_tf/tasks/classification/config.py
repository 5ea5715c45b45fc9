"""Settings of classification."""

from __future__ import annotations

import dataclasses
from typing import Literal

from bert_qa_tf.config import ColumnsConfig
from bert_qa_tf.config.classification import HEADER_ROW, HEADER_ROW_FLAG, TEXT_COLUMN
from bert_qa_tf.config.options import option
from bert_qa_tf.tasks.classification.labels import LabelSet, class_weights, parse_class_weights
from bert_qa_tf.tasks.single_text.config import TextConversionConfig, TextRequestConfig, TextSettings


@dataclasses.dataclass(frozen=True)
class ClassificationConversionConfig(TextConversionConfig):
    """How labelled sentences become records.

    Attributes:
      columns: which columns hold what.
      labels: the labels, in their order; empty for those that the data has.
    """

    columns: ColumnsConfig = ColumnsConfig()
    labels: tuple[str, ...] = option((), "The labels, with commas between them; those found in the data by default.")


@dataclasses.dataclass(frozen=True)
class ClassificationReferenceConfig:
    """How a file to score on is read.

    Attributes:
      columns: which columns hold what.
    """

    columns: ColumnsConfig = ColumnsConfig()


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

    text_column: str | None = option(None, TEXT_COLUMN)
    header: bool | None = option(None, HEADER_ROW, flag=HEADER_ROW_FLAG)

    def __post_init__(self) -> None:
        _ = self.columns  # checks itself

    @property
    def columns(self) -> ColumnsConfig:
        """Which column holds the texts."""
        return ColumnsConfig(text=self.text_column, header=self.header)
