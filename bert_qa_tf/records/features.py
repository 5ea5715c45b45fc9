"""Defines the rows of a feature table, which has one row for each field of a record.

A task's table drives the TFRecord writer, the reader, the batches and the model's inputs; no other module repeats its
names. A record is stored unpadded, so a `seq` dimension has as many values as the record has tokens. The record format
is described in `tfrecords/README.md`.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

# The only symbolic dimension: the number of tokens in one window.
SEQ = "seq"

Role = Literal["input", "label", "meta"]
Storage = Literal["always", "derived", "decoding"]


@dataclasses.dataclass(frozen=True)
class FeatureSpec:
    """One field of a record.

    Attributes:
      name: the key in the `tf.train.Example` and in every batch.
      shape: `()` for a scalar, `(SEQ,)` for one value per token.
      dtype: the dtype in a batch: "int32", "int64" or "string".
      role: "input" goes to the model, "label" to the loss, "meta" to neither.
      storage: "always" is in every record; "derived" is never stored but computed when a batch is made; "decoding" is
        stored only where answers will be decoded (development records, or with `--keep_decoding_features`).
      padding: the value in a batch beyond a window's end.
    """

    name: str
    shape: tuple[str, ...]
    dtype: str
    role: Role
    storage: Storage = "always"
    padding: int = 0

    @property
    def per_token(self) -> bool:
        """Whether the field has one value per token."""
        return self.shape == (SEQ,)


def names(table: tuple[FeatureSpec, ...], *roles: Role) -> tuple[str, ...]:
    """Returns the names in `table`, in its order; only those with one of `roles`, if any are given."""
    return tuple(spec.name for spec in table if not roles or spec.role in roles)
