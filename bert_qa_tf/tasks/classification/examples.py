"""The values that pass between the stages of classification: texts with labels, and what a model makes of a text."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class ClassificationExample:
    """One text and its label.

    Attributes:
      example_id: unique within a data set: the file and the line, such as `train.tsv:12`.
      text: as the file has it.
      label: as the file has it, without white space at its ends; None where it is not known.
    """

    example_id: str
    text: str
    label: str | None = None


@dataclasses.dataclass(frozen=True)
class Classification:
    """The label that a model gives a text.

    Attributes:
      label: the likeliest one.
      score: its probability, 0 to 1.
      probabilities: label → probability, in the order of the model's labels.
    """

    label: str
    score: float
    probabilities: dict[str, float]
