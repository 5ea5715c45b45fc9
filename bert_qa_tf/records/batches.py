"""Pads records of any length into one batch for a model and adds the derived fields.

The training schedule decides which records make up a batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bert_qa_tf.records.features import FeatureSpec
from bert_qa_tf.records.reader import Columns

WEIGHTS = "example_weights"


def pad_batch(columns: Columns, length: int, batch_size: int, table: Sequence[FeatureSpec]) -> dict[str, np.ndarray]:
    """Pads records into one batch, in their order.

    Args:
      columns: the records, at most `batch_size`.
      length: word pieces per row; at least the length of the longest record.
      batch_size: rows of the batch; rows without a record have weight 0.
      table: the fields of a record; those of role "meta" are left out.

    Returns:
      `<dtype>[batch_size, length]` or `<dtype>[batch_size]` by name, and `example_weights` `<float32>[batch_size]`:
      1 for a record, 0 for a filler row.
    """
    rows = len(columns)
    # `flat` holds the records one after the other, in the same order in which a boolean mask selects its elements.
    present = np.zeros((batch_size, length), bool)
    present[:rows] = np.arange(length)[None, :] < columns.lengths[:, None]
    batch: dict[str, np.ndarray] = {}
    for spec in table:
        if spec.role == "meta":
            continue
        if spec.storage == "derived":
            batch[spec.name] = present.astype(spec.dtype)
        elif spec.per_token:
            values = np.full((batch_size, length), spec.padding, spec.dtype)
            values[present] = columns.flat[spec.name]
            batch[spec.name] = values
        else:
            values = np.zeros(batch_size, spec.dtype)
            values[:rows] = columns.scalars[spec.name]
            batch[spec.name] = values
    weights = np.zeros(batch_size, np.float32)
    weights[:rows] = 1.0
    batch[WEIGHTS] = weights
    return batch
