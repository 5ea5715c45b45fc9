"""Scores a text model on the development split of a conversion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
import tf_keras

from bert_qa_tf.tasks.single_text.answerer import TextAnswerer, plain
from bert_qa_tf.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from bert_qa_tf.tasks.single_text.task import SingleTextTask


class TextDevelopmentScorer:
    """Scores models on one development split; reads its texts again each time instead of keeping them in memory.

    Args:
      task: the task with its settings.
      train_dir: the folder of the conversion.
      tokenizer: the encoder's tokenizer.
      batch_size: texts per call of the model.
    """

    def __init__(self, task: SingleTextTask, train_dir: str, tokenizer: Tokenizer, batch_size: int) -> None:
        self._task = task
        self._train_dir = train_dir
        self._tokenizer = tokenizer
        self._batch_size = batch_size
        self._answerer: TextAnswerer | None = None

    def __call__(self, model: tf_keras.Model) -> dict[str, float]:
        """Computes the task's scores and the mean loss, without dropout."""
        if self._answerer is None:  # kept, so that its graph is traced once and not after every epoch
            self._answerer = TextAnswerer(self._task, model, self._tokenizer, self._batch_size)
        examples, answers, loss = [], [], 0.0
        for chunk, outputs in self._answerer.outputs(self._task.iter_development(self._train_dir)):
            served = {name: [plain(row[name]) for _, row in outputs] for name in self._task.served_outputs}
            answers += self._task.from_columns(served, chunk)
            examples += chunk
            loss += self._sum_of_losses(chunk, [own for own, _ in outputs])
        return {**self._task.scores(examples, answers), "loss": loss / len(examples)}

    def _sum_of_losses(self, examples: Sequence[Any], outputs: Sequence[dict[str, np.ndarray]]) -> float:
        stacked = {name: tf.constant(np.stack([row[name] for row in outputs])) for name in outputs[0]}
        labels = [self._task.label_values(example) for example in examples]
        batch = {name: tf.constant([row[name] for row in labels]) for name in labels[0]}
        return float(tf.reduce_sum(self._task.losses(stacked, batch)))
