"""Scores a span model on the development split of a conversion, a group of questions at a time.

Only the scores of each question and the record ids of its windows stay in memory; texts and windows are read again for
each evaluation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import tf_keras

from bert_qa_tf.errors import InputError
from bert_qa_tf.records.manifest import Manifest
from bert_qa_tf.records.reader import Columns, open_split
from bert_qa_tf.records.writer import order_key
from bert_qa_tf.tasks.question_answering import metrics
from bert_qa_tf.tasks.question_answering.answerer import QuestionAnswerer
from bert_qa_tf.tasks.question_answering.config import QuestionAnsweringConfig
from bert_qa_tf.tasks.question_answering.conversion import DEV_FILE
from bert_qa_tf.tasks.question_answering.decoding import decode
from bert_qa_tf.tasks.question_answering.examples import InputFeatures, RawResult, SquadExample
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.reading.squad_reader import iter_squad
from bert_qa_tf.tasks.question_answering.windowing import window_id
from bert_qa_tf.text.tokenizer import Tokenizer

# Questions are answered in groups of about this many windows: enough for full batches of similar lengths.
_WINDOWS_PER_GROUP = 1024


class DevelopmentScorer:
    """Scores models on one development split.

    Args:
      train_dir: the folder of the conversion; may be remote.
      manifest: its manifest.
      tokenizer: the encoder's tokenizer.
      settings: the windowing and decoding settings.
      batch_size: windows per call of the model.

    Raises:
      InputError: the questions and the windows do not match, or a file is missing or damaged.
    """

    def __init__(
        self,
        train_dir: str,
        manifest: Manifest,
        tokenizer: Tokenizer,
        settings: QuestionAnsweringConfig,
        batch_size: int,
    ) -> None:
        self._tokenizer = tokenizer
        self._settings = settings
        self._batch_size = batch_size
        self._answerer: QuestionAnswerer | None = None
        self._path = f"{train_dir}/{DEV_FILE}"
        self._records = open_split(train_dir, manifest, "dev", QA_FEATURES, with_decoding=True)
        # The windows of all questions, question after question, and the number of windows of each question.
        self._record_ids, self._num_windows = self._find_windows(manifest.seed)

    def __call__(self, model: tf_keras.Model) -> dict[str, float]:
        """Computes EM and F1 over the development questions, 0 to 100, and the mean loss over their windows.

        Raises:
          InputError: a record is damaged, or the model's logits are not finite.
        """
        if self._answerer is None:  # kept, so that its graph is traced once and not after every epoch
            self._answerer = QuestionAnswerer(model, self._tokenizer, self._settings, self._batch_size)
        decoding = self._settings.decoding
        loss, parts = 0.0, []
        for examples, record_ids in self._groups():
            windows = windows_from_columns(self._records.read(record_ids))
            results = {result.unique_id: result for result in self._answerer.raw_results(windows)}
            loss += sum(_span_loss(window, results[window.unique_id]) for window in windows)
            predictions = {}
            for qas_id, some in itertools.groupby(windows, key=lambda window: window.qas_id):
                own = list(some)
                own_results = [results[window.unique_id] for window in own]
                predictions[qas_id] = decode(own, own_results, examples[qas_id].context, decoding).text
            scores = metrics.score(
                list(examples.values()), predictions, version_2=decoding.version_2_with_negative, source=self._path
            )
            parts.append(scores.questions)
        scores = metrics.join(parts, version_2=decoding.version_2_with_negative)
        return {
            "exact_match": scores.exact_match,
            "f1": scores.f1,
            "loss": loss / (2 * len(self._records)),
        }

    def _groups(self) -> Iterator[tuple[dict[str, SquadExample], np.ndarray]]:
        """Yields groups of questions by id, with the record ids of all their windows."""
        examples: dict[str, SquadExample] = {}
        begin = end = 0
        for example, count in zip(iter_squad(self._path, again=True), self._num_windows, strict=True):
            if examples and end + count - begin > _WINDOWS_PER_GROUP:
                yield examples, self._record_ids[begin:end]
                examples, begin = {}, end
            examples[example.qas_id] = example
            end += int(count)
        yield examples, self._record_ids[begin:end]

    def _find_windows(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The windows in the order of the questions, `<int64>[num_windows]`, and counts, `<int64>[num_questions]`."""
        by_key = np.argsort(self._records.keys, kind="stable")
        keys = self._records.keys[by_key]
        found = np.zeros(len(keys), np.int64)
        counts, total = [], 0
        for example in iter_squad(self._path):
            before = total
            while total < len(keys):
                key = np.uint64(order_key(seed, window_id(example.qas_id, total - before)))
                place = int(np.searchsorted(keys, key))
                if place == len(keys) or keys[place] != key:
                    break
                found[total] = by_key[place]
                total += 1
            if total == before:
                raise InputError(
                    f"{self._path}: question {example.qas_id!r} has no window in the records; convert again"
                )
            counts.append(total - before)
        if total != len(keys):
            raise InputError(
                f"{self._path}: {len(keys) - total} of {len(keys)} windows in the development records are of questions "
                "that are not here; convert again"
            )
        return found, np.array(counts, np.int64)


def windows_from_columns(columns: Columns) -> list[InputFeatures]:
    """Converts the records of a split that was stored with its decoding fields to windows."""
    windows = []
    for i in range(len(columns)):
        tokens = slice(columns.offsets[i], columns.offsets[i + 1])
        values = {name: flat[tokens] for name, flat in columns.flat.items()}
        for name, column in columns.scalars.items():
            value = column[i]
            values[name] = value if isinstance(value, str) else int(value)
        windows.append(InputFeatures(**values))
    return windows


def _span_loss(window: InputFeatures, result: RawResult) -> float:
    """Computes the loss of a window, without dropout, from logits that are already on the host."""
    return _cross_entropy(result.start_logits, window.start_positions) + _cross_entropy(
        result.end_logits, window.end_positions
    )


def _cross_entropy(logits: np.ndarray, position: int) -> float:
    highest = float(logits.max())
    return highest + math.log(float(np.exp(logits - highest).sum())) - float(logits[position])
