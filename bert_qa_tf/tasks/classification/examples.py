"""Defines the values that pass between the stages of classification: labelled texts and predicted labels."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class ClassificationExample:
    """One text and its label.

    Attributes:
      example_id: unique within a data set: the file and the line, such as `train.tsv:12`.
      text: the text, as in the file.
      label: the label, as in the file but stripped of white space; None if it is not known.
    """

    example_id: str
    text: str
    label: str | None = None


@dataclasses.dataclass(frozen=True)
class Classification:
    """The label that a model predicts for a text.

    Attributes:
      label: the most probable label.
      score: its probability, 0 to 1.
      probabilities: label → probability, in the order of the model's labels.
    """

    label: str
    score: float
    probabilities: dict[str, float]
