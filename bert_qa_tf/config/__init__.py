"""Defines frozen settings that check themselves, shared by the library and its commands.

They are dataclasses that the rest of the package takes as arguments. The commands make them from flags; nothing here
reads a flag, a file or the environment.
"""

from __future__ import annotations

from bert_qa_tf.config.asr_simulation import AsrSimulationConfig
from bert_qa_tf.config.classification import ColumnsConfig, column_position
from bert_qa_tf.config.encoder import EncoderConfig
from bert_qa_tf.config.records import RecordsConfig
from bert_qa_tf.config.speech import (
    CleaningConfig,
    RecognizerConfig,
    SpeakingConfig,
    SpokenDatasetConfig,
    TimedTextConfig,
)
from bert_qa_tf.config.training import OptimizerConfig, RuntimeConfig, TrainConfig

__all__ = [
    "AsrSimulationConfig",
    "CleaningConfig",
    "ColumnsConfig",
    "EncoderConfig",
    "OptimizerConfig",
    "RecognizerConfig",
    "RecordsConfig",
    "RuntimeConfig",
    "SpeakingConfig",
    "SpokenDatasetConfig",
    "TimedTextConfig",
    "TrainConfig",
    "column_position",
]
