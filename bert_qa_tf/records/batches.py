"""Batches for a model: records of any length to padded arrays of one shape.

What goes in: columns read from shards and the ids of some records. What comes out: a dict of arrays, all that the
feature table asks for, derived fields included. Which records make a batch is the schedule's business.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bert_qa_tf.records.features import FeatureSpec
from bert_qa_tf.records.shards import Columns

WEIGHTS = "example_weights"


def pad_batch(
    columns: Columns, record_ids: np.ndarray, length: int, batch_size: int, table: Sequence[FeatureSpec]
) -> dict[str, np.ndarray]:
    """Gathers records into one padded batch.

    Args:
      columns: the records.
      record_ids: `<int64>[≤ batch_size]`.
      length: word pieces per row; no shorter than any of these records.
      batch_size: rows; the ones beyond `record_ids` have weight 0.
      table: which fields; those of role "meta" are left out.

    Returns:
      `<dtype>[batch_size, length]` or `<dtype>[batch_size]` by name, and `example_weights` `<float32>[batch_size]`:
      1 for a record, 0 for filling.
    """
    starts = columns.offsets[record_ids]
    sizes = (columns.offsets[record_ids + 1] - starts).astype(np.int64)
    positions = np.arange(length)
    present = np.zeros((batch_size, length), bool)
    present[: len(record_ids)] = positions[None, :] < sizes[:, None]
    # Positions beyond a record's end read record 0's first token and are overwritten by the padding value.
    source = np.where(present[: len(record_ids)], starts[:, None] + positions[None, :], 0)
    batch: dict[str, np.ndarray] = {}
    for spec in table:
        if spec.role == "meta":
            continue
        if spec.storage == "derived":
            batch[spec.name] = present.astype(spec.dtype)
        elif spec.per_token:
            values = np.full((batch_size, length), spec.padding, spec.dtype)
            rows = columns.flat[spec.name][source]
            values[: len(record_ids)] = np.where(present[: len(record_ids)], rows, spec.padding)
            batch[spec.name] = values
        else:
            values = np.zeros(batch_size, spec.dtype)
            values[: len(record_ids)] = np.asarray(columns.scalars[spec.name])[record_ids]
            batch[spec.name] = values
    weights = np.zeros(batch_size, np.float32)
    weights[: len(record_ids)] = 1.0
    batch[WEIGHTS] = weights
    return batch
