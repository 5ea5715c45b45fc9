"""What a task brings to the loop that trains any of them: its fields, its model, its loss, its development score.

What goes in: a conversion and an encoder. What comes out: a `Task`. Batches, steps and checkpoints know nothing of
questions or answers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import tensorflow as tf
import tf_keras

from bert_qa_tf.config import DecodingConfig
from bert_qa_tf.records import features
from bert_qa_tf.records import manifest as manifests
from bert_qa_tf.records import shards as tfrecord
from bert_qa_tf.records.manifest import Manifest
from bert_qa_tf.tasks.question_answering import decoding as answer_decoding
from bert_qa_tf.tasks.question_answering import loss as losses
from bert_qa_tf.tasks.question_answering import metrics, span_model
from bert_qa_tf.tasks.question_answering.examples import InputFeatures, RawResult
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.predictor import Predictor
from bert_qa_tf.tasks.question_answering.squad_reader import read_squad
from bert_qa_tf.text.tokenization import BertTokenizer


class Task(Protocol):
    """What the loop asks of a task."""

    table: tuple[features.FeatureSpec, ...]
    best_metric: str

    def build_model(self, encoder: tf_keras.Model) -> tf_keras.Model:
        """The encoder with the task's head; called inside the strategy's scope."""

    def losses(self, outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """The loss of each example, `<float32>[batch]`."""

    def evaluate(self, model: tf_keras.Model) -> dict[str, float]:
        """Scores on the development split; empty where there is none."""


class QuestionAnswering:
    """Span extraction (DESIGN's task `qa`).

    Args:
      train_dir: the conversion.
      manifest: its manifest.
      tokenizer: the encoder's.
      decoding: how development questions are answered.
      eval_batch_size: windows per call of the model.
    """

    table = QA_FEATURES
    best_metric = "f1"

    def __init__(
        self,
        train_dir: str,
        manifest: Manifest,
        tokenizer: BertTokenizer,
        decoding: DecodingConfig,
        eval_batch_size: int,
    ) -> None:
        self._tokenizer = tokenizer
        self._windowing = manifest.windowing
        self._decoding = decoding
        self._eval_batch_size = eval_batch_size
        self._predictor: Predictor | None = None
        self._windows: list[InputFeatures] = []
        shards = manifest.split("dev")
        if shards:
            columns = tfrecord.read_columns(train_dir, shards, self.table, with_decoding=True)
            self._windows = windows_from_columns(columns)
            self._examples = read_squad(f"{train_dir}/{manifests.DEV_FILE}")

    def build_model(self, encoder: tf_keras.Model) -> tf_keras.Model:
        """See `Task`."""
        return span_model.build_span_model(encoder)

    def losses(self, outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """See `Task`."""
        return losses.span_loss(
            outputs["start_logits"], outputs["end_logits"], batch["start_positions"], batch["end_positions"]
        )

    def evaluate(self, model: tf_keras.Model) -> dict[str, float]:
        """EM and F1 over the development questions and the mean loss over their windows."""
        if not self._windows:
            return {}
        if self._predictor is None:  # kept, so that its graph is traced once and not after every epoch
            self._predictor = Predictor(model, self._tokenizer, self._windowing, self._decoding, self._eval_batch_size)
        results = list(self._predictor.raw_results(self._windows))
        decoded = answer_decoding.decode_all(self._examples, self._windows, results, self._decoding)
        scores = metrics.score(self._examples, decoded.predictions, version_2=self._decoding.version_2_with_negative)
        return {
            "exact_match": scores.exact_match,
            "f1": scores.f1,
            "loss": _mean_span_loss(self._windows, results),
        }


def windows_from_columns(columns: tfrecord.Columns) -> list[InputFeatures]:
    """The records of a split that was stored with its decoding fields, as windows."""
    windows = []
    for i in range(len(columns)):
        tokens = slice(columns.offsets[i], columns.offsets[i + 1])
        values = {name: flat[tokens] for name, flat in columns.flat.items()}
        for name, column in columns.scalars.items():
            value = column[i]
            values[name] = value if isinstance(value, str) else int(value)
        windows.append(InputFeatures(**values))
    return windows


def _mean_span_loss(windows: list[InputFeatures], results: list[RawResult]) -> float:
    """The training loss, without dropout, from logits that are on the host already."""
    by_id = {result.unique_id: result for result in results}
    total = 0.0
    for window in windows:
        result = by_id[window.unique_id]
        total += _cross_entropy(result.start_logits, window.start_positions)
        total += _cross_entropy(result.end_logits, window.end_positions)
    return total / (2 * len(windows))


def _cross_entropy(logits: np.ndarray, position: int) -> float:
    highest = float(logits.max())
    return highest + math.log(float(np.exp(logits - highest).sum())) - float(logits[position])
