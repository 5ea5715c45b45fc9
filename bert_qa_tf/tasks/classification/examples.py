"""The values that pass between the stages of classification: texts with labels, and the rows of records.

Plain NumPy: no TensorFlow here.
"""

from __future__ import annotations

import dataclasses

import numpy as np


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
class ClassificationFeatures:
    """One record, field for field a row of `features.CLASSIFICATION_FEATURES` (less what is derived).

    Attributes:
      input_word_ids: `<int32>[num_tokens]`, `[CLS] text [SEP]`, unpadded.
      input_type_ids: `<int32>[num_tokens]`, all 0.
      label: the place of the label in the label set.
      unique_id: see `tokenizing.unique_id`.
      example_id: of the example.
    """

    input_word_ids: np.ndarray
    input_type_ids: np.ndarray
    label: int
    unique_id: int
    example_id: str

    def __len__(self) -> int:
        return len(self.input_word_ids)
