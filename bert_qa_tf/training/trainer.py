"""orbit's inner loops: some steps of the schedule, and one evaluation.

What goes in: a task, a model and its optimizer, the records and their schedule. What comes out: figures for the
reporter and for TensorBoard. The order of training, saving and evaluating is `loop.py`'s.
"""

from __future__ import annotations

import math
import time

import numpy as np
import orbit
import tensorflow as tf
import tf_keras

from bert_qa_tf import features
from bert_qa_tf.data import tfrecord
from bert_qa_tf.data.input_pipeline import pad_batch
from bert_qa_tf.errors import InputError
from bert_qa_tf.training.reporting import Reporter
from bert_qa_tf.training.schedule import TrainingSchedule
from bert_qa_tf.training.step import TrainStep
from bert_qa_tf.training.tasks import Task


class Trainer(orbit.AbstractTrainer):
    """Takes steps of the schedule from wherever the optimizer stands.

    Attributes:
      reporter: is told the figures of each call of `train`; set before the first.
    """

    reporter: Reporter

    def __init__(
        self,
        task: Task,
        strategy: tf.distribute.Strategy,
        model: tf_keras.Model,
        optimizer: tf_keras.optimizers.Optimizer,
        columns: tfrecord.Columns,
        schedule: TrainingSchedule,
        seed: int,
    ) -> None:
        self._task = task
        self._optimizer = optimizer
        self._columns = columns
        self._schedule = schedule
        self._step = TrainStep(strategy, model, optimizer, task.losses, features.names(task.table, "input"), seed)

    def trace(self, length: int) -> tf.types.experimental.ConcreteFunction:
        """The graph of a step at one of the schedule's bucket lengths, traced and not run."""
        nothing = np.zeros(0, np.int64)
        return self._step.trace(
            pad_batch(self._columns, nothing, length, self._schedule.global_batch_size, self._task.table)
        )

    def train(self, num_steps: tf.Tensor) -> dict[str, float]:
        """Runs the next `num_steps` steps; waits for the device once, at the end.

        Returns:
          Means over these steps, for TensorBoard.

        Raises:
          InputError: a step's loss is not finite; nothing is saved after it.
        """
        begin, first, count = time.monotonic(), int(self._optimizer.iterations.numpy()), int(num_steps)
        losses, norms, rows = [], [], 0
        for step in range(first, first + count):
            scheduled = self._schedule.batch_at(step)
            batch = pad_batch(
                self._columns,
                scheduled.record_ids,
                scheduled.bucket_length,
                self._schedule.global_batch_size,
                self._task.table,
            )
            outputs = self._step(batch)
            losses.append(outputs["loss"])
            norms.append(outputs["gradient_norm"])
            rows += len(scheduled.record_ids)
        loss = float(tf.reduce_mean(losses))
        elapsed = time.monotonic() - begin
        if not math.isfinite(loss):
            bad = next(first + i + 1 for i, value in enumerate(losses) if not math.isfinite(float(value)))
            raise InputError(
                f"the loss of step {bad} is not finite, so training stopped; the checkpoints before it are kept. "
                "Try a lower learning_rate"
            )
        figures = {
            "loss": loss,
            "gradient_norm": float(tf.reduce_mean(norms)),
            "learning_rate": float(self._learning_rate(first + count - 1)),
            "windows_per_second": rows / elapsed,
        }
        self.reporter.train(first + count, figures, elapsed / count)
        return figures

    def _learning_rate(self, step: int) -> tf.Tensor:
        inner = getattr(self._optimizer, "inner_optimizer", self._optimizer)
        return inner._learning_rate(step)  # the schedule; `learning_rate` is its value at the current step


class Evaluator(orbit.AbstractEvaluator):
    """Scores the development split.

    Attributes:
      scores: the last ones; empty where there is no such split.
    """

    def __init__(self, task: Task, model: tf_keras.Model) -> None:
        self._task = task
        self._model = model
        self.scores: dict[str, float] = {}

    def evaluate(self, num_steps: tf.Tensor) -> dict[str, float]:
        """Scores the whole split, whatever `num_steps` says."""
        del num_steps
        self.scores = self._task.evaluate(self._model)
        return dict(self.scores)
