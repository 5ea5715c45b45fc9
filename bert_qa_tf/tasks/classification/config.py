"""Settings of classification: labels, columns, class weights and pooling."""

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
    """Settings of the conversion of labelled sentences to records.

    Attributes:
      columns: which columns hold texts and labels.
      labels: the labels in order; empty to take them from the data.
    """

    columns: ColumnsConfig = ColumnsConfig()
    labels: tuple[str, ...] = option((), "The labels, separated by commas; by default those found in the data.")


@dataclasses.dataclass(frozen=True)
class ClassificationReferenceConfig:
    """Settings of reading a labelled file to score on.

    Attributes:
      columns: which columns hold texts and labels.
    """

    columns: ColumnsConfig = ColumnsConfig()


@dataclasses.dataclass(frozen=True)
class ClassificationTrainingConfig:
    """Settings that classification adds to training.

    Attributes:
      class_weights: "none", "balanced", or `label=weight` for each label, separated by commas.
      pooling: see `single_text.model.sentence_output`.
    """

    class_weights: str = option(
        "none",
        "Weight of each class in the loss: none (all examples count the same), balanced (rare classes count more, so "
        "that all classes have the same total weight), or label=weight,label=weight…",
    )
    pooling: Literal["pooler", "mean"] = option(
        "pooler",
        "Input of the classification head. pooler: the encoder's pooled output, as in BERT's recipe. mean: the mean of "
        "the encoder's outputs over the text's word pieces, which suits minilm better.",
    )

    def __post_init__(self) -> None:
        parse_class_weights(self.class_weights)


@dataclasses.dataclass(frozen=True)
class ClassificationSettings(TextSettings):
    """The settings that a trained model needs to classify as it was trained.

    Attributes:
      labels: the classes, in the order of the logits.
      label_counts: the number of training examples of each label.
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
        """The weight of each class in the loss; None if all are 1.

        Raises:
          InputError: the weights are not given for exactly these labels.
        """
        setting = parse_class_weights(self.training.class_weights)
        if setting == "none":
            return None
        return class_weights(setting, self.label_set, dict(zip(self.labels, self.label_counts, strict=True)))


@dataclasses.dataclass(frozen=True)
class ClassificationRequestConfig(TextRequestConfig):
    """One sentence, or the settings of reading a file of sentences.

    Attributes:
      text_column, header: see `ColumnsConfig`.
    """

    text_column: str | None = option(None, TEXT_COLUMN)
    header: bool | None = option(None, HEADER_ROW, flag=HEADER_ROW_FLAG)

    def __post_init__(self) -> None:
        _ = self.columns  # its constructor checks the values

    @property
    def columns(self) -> ColumnsConfig:
        """The column that holds the texts."""
        return ColumnsConfig(text=self.text_column, header=self.header)
