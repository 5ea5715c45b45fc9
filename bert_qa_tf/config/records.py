"""Settings of writing records, for any task."""

from __future__ import annotations

import dataclasses

from bert_qa_tf.config.checks import require, require_finite, require_seed
from bert_qa_tf.config.options import option


@dataclasses.dataclass(frozen=True)
class RecordsConfig:
    """The settings that every conversion has; a task's own config adds to them.

    Attributes:
      num_shards: the number of training shards.
      num_dev_shards: the number of development shards.
      dev_fraction: the share of the data that is set aside for development; 0 for none.
      keep_decoding_features: whether training records also store the fields that only decoding needs.
      seed: the seed of the split, the order of the records, and the simulated recognition errors.
    """

    num_shards: int = option(8, "Number of training shards to write.")
    num_dev_shards: int = 1
    dev_fraction: float = option(0.1, "Share (0 to 1) of the data to set aside as the development split.")
    keep_decoding_features: bool = option(False, "Also store text offsets in training records, for your own tools.")
    seed: int = option(0, "Seed of the split, the order of the records, and the simulated recognition errors.")

    def __post_init__(self) -> None:
        require_finite(self)
        require_seed(self.seed)
        require(self.num_shards >= 1, f"num_shards must be at least 1, got {self.num_shards}")
        require(self.num_dev_shards >= 1, f"num_dev_shards must be at least 1, got {self.num_dev_shards}")
        require(0.0 <= self.dev_fraction < 1.0, f"dev_fraction must be in [0, 1), got {self.dev_fraction}")
