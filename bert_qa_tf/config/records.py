"""How records are written, whatever task they are for."""

from __future__ import annotations

import dataclasses

from bert_qa_tf.config.checks import require
from bert_qa_tf.config.options import option


@dataclasses.dataclass(frozen=True)
class RecordsConfig:
    """What every conversion has in common; a task's own config adds to it.

    Attributes:
      num_shards: training shards.
      num_dev_shards: development shards.
      dev_fraction: share of the data set aside for development, 0 for none.
      keep_decoding_features: store in training records, too, what only decoding needs.
      seed: decides what is set aside, the order of the records, and simulated recognition errors.
    """

    num_shards: int = option(8, "Training shards to write.")
    num_dev_shards: int = 1
    dev_fraction: float = option(0.1, "Share of the data kept out of training, to measure progress on.")
    keep_decoding_features: bool = option(False, "Store text offsets in training records too, for your own tools.")
    seed: int = option(0, "Decides what is set aside, the order of the records, and the simulated recognition errors.")

    def __post_init__(self) -> None:
        require(self.num_shards >= 1, f"num_shards must be at least 1, got {self.num_shards}")
        require(self.num_dev_shards >= 1, f"num_dev_shards must be at least 1, got {self.num_dev_shards}")
        require(0.0 <= self.dev_fraction < 1.0, f"dev_fraction must be in [0, 1), got {self.dev_fraction}")
