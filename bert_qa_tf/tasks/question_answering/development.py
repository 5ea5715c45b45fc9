"""Scores a span model on the development split of a conversion."""

from __future__ import annotations

import math

import numpy as np
import tf_keras

from bert_qa_tf.records.manifest import Manifest
from bert_qa_tf.records.reader import Columns, open_split
from bert_qa_tf.tasks.question_answering import decoding, metrics
from bert_qa_tf.tasks.question_answering.answerer import QuestionAnswerer
from bert_qa_tf.tasks.question_answering.config import QuestionAnsweringConfig
from bert_qa_tf.tasks.question_answering.conversion import DEV_FILE
from bert_qa_tf.tasks.question_answering.examples import InputFeatures, RawResult
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.squad_reader import read_squad
from bert_qa_tf.text.tokenization import BertTokenizer


class DevelopmentScorer:
    """Scores models on one development split.

    Args:
      train_dir: the conversion.
      manifest: its manifest.
      tokenizer: the encoder's.
      settings: how questions are answered.
      batch_size: windows per call of the model.
    """

    def __init__(
        self,
        train_dir: str,
        manifest: Manifest,
        tokenizer: BertTokenizer,
        settings: QuestionAnsweringConfig,
        batch_size: int,
    ) -> None:
        self._tokenizer = tokenizer
        self._settings = settings
        self._batch_size = batch_size
        self._answerer: QuestionAnswerer | None = None
        records = open_split(train_dir, manifest, "dev", QA_FEATURES, with_decoding=True)
        self._windows = windows_from_columns(records.read(np.arange(len(records))))
        self._examples = read_squad(f"{train_dir}/{DEV_FILE}")

    def __call__(self, model: tf_keras.Model) -> dict[str, float]:
        """EM and F1 over the development questions, 0 to 100, and the mean loss over their windows."""
        if self._answerer is None:  # kept, so that its graph is traced once and not after every epoch
            self._answerer = QuestionAnswerer(model, self._tokenizer, self._settings, self._batch_size)
        results = list(self._answerer.raw_results(self._windows))
        decoded = decoding.decode_all(self._examples, self._windows, results, self._settings.decoding)
        version_2 = self._settings.decoding.version_2_with_negative
        scores = metrics.score(self._examples, decoded.predictions, version_2=version_2)
        return {
            "exact_match": scores.exact_match,
            "f1": scores.f1,
            "loss": _mean_span_loss(self._windows, results),
        }


def windows_from_columns(columns: Columns) -> list[InputFeatures]:
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
