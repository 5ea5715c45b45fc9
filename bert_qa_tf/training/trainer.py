"""Implements orbit's inner loops: `Trainer` runs steps of the schedule, and `Evaluator` runs one evaluation.

Both return figures for TensorBoard, and `Trainer` also passes them to the reporter. `loop.py` decides when to train,
save and evaluate.
"""

from __future__ import annotations

import dataclasses
import resource
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
import orbit
import tensorflow as tf
import tf_keras

from bert_qa_tf.errors import InputError
from bert_qa_tf.records import features
from bert_qa_tf.records.batches import pad_batch
from bert_qa_tf.records.reader import RecordReader
from bert_qa_tf.tasks.base import Task
from bert_qa_tf.training import cluster
from bert_qa_tf.training.reporting import Reporter
from bert_qa_tf.training.schedule import TrainingSchedule
from bert_qa_tf.training.state import Progress
from bert_qa_tf.training.step import StepOptions, TrainStep
from bert_qa_tf.training.stopping import Stopped, StopRequest

# Training has diverged if the mean loss is more than this many times the first one. (The first loss is that of random
# guessing.)
RUNAWAY = 4.0


@dataclasses.dataclass
class Trained:
    """Everything that a training changes and that is stored in a checkpoint.

    Attributes:
      model: the model, with its weights.
      optimizer: the optimizer, with its slots and the scale of the loss.
      step: `<int64>[]`, the number of steps taken. The optimizer's own count skips steps if the loss is scaled.
      progress: the remaining state.
    """

    model: tf_keras.Model
    optimizer: tf_keras.optimizers.Optimizer
    step: tf.Variable
    progress: Progress


class Trainer(orbit.AbstractTrainer):
    """Runs the steps of the schedule, starting at the current step.

    Args:
      task: the task, which provides the loss and the feature table.
      strategy: the strategy that holds the model's variables.
      trained: the state that training changes.
      records: the training records; each batch is read just before its step.
      schedule: decides which records make up a batch.
      options: see `StepOptions`.
      profile: the first step to profile and the step to end at (exclusive), both counted from 0; None for no profile.
      profile_dir: the folder of the profile, for TensorBoard.

    Attributes:
      reporter: gets the figures of each call of `train`; must be set before the first call.
      stop: the request to stop; must be set before the first call.
    """

    reporter: Reporter
    stop: StopRequest

    def __init__(
        self,
        task: Task,
        strategy: tf.distribute.Strategy,
        trained: Trained,
        records: RecordReader,
        schedule: TrainingSchedule,
        options: StepOptions,
        profile: tuple[int, int] | None = None,
        profile_dir: str = "",
    ) -> None:
        self._task = task
        self._strategy = strategy
        self._trained = trained
        self._records = records
        self._schedule = schedule
        self._per_call = options.steps_per_call
        self._profile, self._profile_dir, self._profiling = profile, profile_dir, False
        names = features.names(task.table, "input")
        self._step = TrainStep(strategy, trained.model, trained.optimizer, task.losses, names, options)

    def trace(self, length: int) -> tf.types.experimental.ConcreteFunction:
        """Returns the graph of a step at one of the schedule's bucket lengths, traced but not run."""
        return self._step.trace(self._pad(np.zeros(0, np.int64), length))

    def train(self, num_steps: tf.Tensor) -> dict[str, float]:
        """Runs the next `num_steps` steps, and waits for the device only once, at the end.

        Returns:
          Means over these steps, for TensorBoard.

        Raises:
          InputError: the loss or the gradient of a step is not finite, or training has diverged. Nothing is saved then.
          Stopped: a signal asked training to stop; the steps before it are complete and counted.
        """
        begin, first = time.monotonic(), int(self._trained.step.numpy())
        end, step = first + int(num_steps), first
        outputs, rows, real, computed = [], 0, 0, 0
        alone = not cluster.in_cluster(self._strategy)
        while step < end and not (alone and self.stop.received):
            self._profile_around(step)
            scheduled = [self._schedule.batch_at(step)]
            while len(scheduled) < min(self._per_call, end - step):
                following = self._schedule.batch_at(step + len(scheduled))
                if following.bucket_length != scheduled[0].bucket_length:
                    break
                scheduled.append(following)
            batches = [self._pad(batch.record_ids, batch.bucket_length) for batch in scheduled]
            outputs.append(self._step(batches, step, stop=self.stop.received is not None))
            for batch in scheduled:
                rows += len(batch.record_ids)
                real += int(self._schedule.lengths[batch.record_ids].sum())
                computed += batch.bucket_length * self._schedule.global_batch_size
            step += len(batches)
        if step == first:
            raise Stopped
        values = {name: np.concatenate([output[name].numpy() for output in outputs]) for name in outputs[0]}
        elapsed = time.monotonic() - begin
        self._check(first, values)
        self._trained.step.assign(step)
        progress = self._trained.progress
        progress.seconds += elapsed
        figures = {
            "loss": float(values["loss"].mean()),
            "gradient_norm": float(values["gradient_norm"].mean()),
            "learning_rate": float(self._learning_rate()),
            "windows_per_second": rows / elapsed,
            "padding_efficiency": real / computed,
            **({"loss_scale": float(values["loss_scale"][-1])} if "loss_scale" in values else {}),
            **_memory(),
        }
        if progress.first_loss is None:
            progress.first_loss = figures["loss"]
        self.reporter.train(step, figures, elapsed / (step - first))
        # In a cluster, all workers stop at the same step, after the call in which they all saw the request.
        if step < end or values["stop"].any():
            raise Stopped
        return figures

    def _pad(self, record_ids: np.ndarray, length: int) -> dict[str, np.ndarray]:
        columns = self._records.read(record_ids)
        return pad_batch(columns, length, self._schedule.global_batch_size, self._task.table)

    def _check(self, first: int, values: Mapping[str, np.ndarray]) -> None:
        kept = "so training stopped; the checkpoints before it are kept. Try a lower --learning_rate"
        finite = {"loss": np.isfinite(values["loss"])}
        if "loss_scale" not in values:  # if a scaled loss overflows, the step is skipped and the scale lowered
            finite["gradient"] = np.isfinite(values["gradient_norm"])
        for name, good in finite.items():
            if not good.all():
                raise InputError(f"the {name} of step {first + 1 + int(np.argmin(good))} is not finite, {kept}")
        before, now = self._trained.progress.first_loss, float(values["loss"].mean())
        if before is not None and now > RUNAWAY * before:
            worst = first + 1 + int(np.argmax(values["loss"]))
            raise InputError(
                f"the mean loss of steps {first + 1} to {first + len(values['loss'])} is {now:.3g}, over {RUNAWAY:g} "
                f"times the first steps' {before:.3g} (highest at step {worst}), {kept}"
            )

    def _learning_rate(self) -> tf.Tensor:
        """Returns the learning rate of the last step."""
        inner = getattr(self._trained.optimizer, "inner_optimizer", self._trained.optimizer)
        # `_learning_rate` is the schedule; `learning_rate` would be its value for the next step.
        return inner._learning_rate(tf.maximum(inner.iterations - 1, 0))

    def _profile_around(self, step: int) -> None:
        if self._profile is None:
            return
        begin, end = self._profile
        if not self._profiling and begin <= step < end:
            tf.profiler.experimental.start(self._profile_dir)
            self._profiling = True
        elif self._profiling and step >= end:
            self.end_profile()

    def end_profile(self) -> None:
        """Writes the profile if one is being recorded."""
        if self._profiling:
            tf.profiler.experimental.stop()
            self._profiling, self._profile = False, None


def _memory() -> dict[str, float]:
    """Returns the peak memory of this process, and of its first GPU if there is one, in GB."""
    unit = 2**30 if sys.platform == "darwin" else 2**20  # bytes on macOS, kilobytes elsewhere
    figures = {"host_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}
    if tf.config.list_logical_devices("GPU"):
        figures["gpu_memory_gb"] = tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**30
    return figures


class Evaluator(orbit.AbstractEvaluator):
    """Scores the development split.

    Args:
      score: scores a model on the split; None if there is no such split.
      trained: the state that holds the model.

    Attributes:
      scores: the latest scores; empty if there is no such split.
    """

    def __init__(self, score: Callable[[tf_keras.Model], dict[str, float]] | None, trained: Trained) -> None:
        self._score = score
        self._trained = trained
        self.scores: dict[str, float] = {}

    def evaluate(self, num_steps: tf.Tensor) -> dict[str, float]:
        """Scores the whole split and ignores `num_steps`."""
        del num_steps
        begin = time.monotonic()
        self.scores = self._score(self._trained.model) if self._score else {}
        self._trained.progress.seconds += time.monotonic() - begin
        return dict(self.scores)
