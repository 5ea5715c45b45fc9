"""A whole training: from records and an encoder to a run directory.

What goes in: a `TrainConfig`. What comes out: checkpoints, the best weights, metrics. The outer loop is `orbit`'s
(steps, summaries, checkpoints, restoring); a step, the schedule and the task's own parts live beside this file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
import time

import numpy as np
import orbit
import tensorflow as tf
import tf_keras

from bert_qa_tf import features
from bert_qa_tf.config import TrainConfig
from bert_qa_tf.data import tfrecord
from bert_qa_tf.data.input_pipeline import pad_batch
from bert_qa_tf.data.manifest import Manifest, read_manifest
from bert_qa_tf.errors import InputError
from bert_qa_tf.models.pretrained.loader import PretrainedEncoder, build_pretrained_encoder, load_encoder
from bert_qa_tf.text.tokenization import BertTokenizer
from bert_qa_tf.training import checkpoints, optimization, run_directory, runtime
from bert_qa_tf.training import schedule as schedules
from bert_qa_tf.training.reporting import Reporter
from bert_qa_tf.training.step import TrainStep
from bert_qa_tf.training.tasks import QuestionAnswering, Task


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """What a training ended with: optimizer steps, the best development scores (empty without a development split)."""

    steps: int
    best_scores: dict[str, float]


def train(config: TrainConfig) -> TrainResult:
    """Trains, or goes on training, until the configured number of epochs or steps is done.

    Raises:
      InputError: anything wrong with the records, the encoder, the run directory or the hardware asked for.
    """
    # 1. The strategy first: workers must connect before TensorFlow runs any op.
    strategy = runtime.make_strategy(config.runtime)
    _check_batch_size(config, strategy)
    policy = runtime.resolve_precision(config.runtime.mixed_precision, config.runtime.distribution_strategy)
    print(f"strategy {config.runtime.distribution_strategy}, {strategy.num_replicas_in_sync} replica(s); {policy}")

    # 2. The data, which says how it was tokenized; then the encoder, which must agree.
    manifest = read_manifest(config.train_dir)
    decoding = dataclasses.replace(config.decoding, version_2_with_negative=manifest.version_2_with_negative)
    config = dataclasses.replace(config, decoding=decoding)
    pretrained = load_encoder(config.encoder_handle)
    tokenizer = BertTokenizer(pretrained.vocab, pretrained.do_lower_case)
    check_vocabulary(config, manifest, pretrained, tokenizer)
    columns = tfrecord.read_columns(config.train_dir, manifest.split("train"), features.QA_FEATURES)
    lengths = columns.lengths[: config.max_train_examples]
    if not len(lengths):
        raise InputError(f"{config.train_dir}: the conversion holds no training windows")
    buckets = schedules.choose_buckets(lengths, config.length_buckets)
    per_epoch = schedules.steps_per_epoch(lengths, buckets, config.global_batch_size)
    total_steps = min(per_epoch * config.num_train_epochs, config.max_train_steps or 2**62)

    # 3. The run directory: a new one, or the same training again.
    resolved = run_directory.resolved_config(config, manifest, policy)
    run_directory.open_run(config, resolved, pretrained)

    # 4. Model and optimizer, under the strategy and the policy.
    task = QuestionAnswering(config.train_dir, manifest, tokenizer, config.decoding, config.eval_batch_size)
    runtime.set_seed(config.seed)  # here, so that nothing read before can have drawn from it
    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(policy)
    try:
        with strategy.scope():
            model = task.build_model(build_pretrained_encoder(pretrained))
            if config.init_checkpoint:
                _initialize_from(model, config.init_checkpoint)
            optimizer = optimization.build_optimizer(config.optimizer, total_steps, policy)
    finally:
        tf_keras.mixed_precision.set_global_policy(before)
    del pretrained

    # 5. The loop.
    trainer = _Trainer(config, task, strategy, model, optimizer, columns, lengths, buckets)
    return _run(config, task, strategy, model, optimizer, trainer, per_epoch, total_steps)


def _run(
    config: TrainConfig,
    task: Task,
    strategy: tf.distribute.Strategy,
    model: tf_keras.Model,
    optimizer: tf_keras.optimizers.Optimizer,
    trainer: _Trainer,
    per_epoch: int,
    total_steps: int,
) -> TrainResult:
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(model=model, optimizer=optimizer),
        f"{config.model_dir}/{checkpoints.CHECKPOINT_DIR}",
        max_to_keep=config.keep_checkpoint_max,
        step_counter=optimizer.iterations,
        checkpoint_interval=config.save_checkpoints_steps,
    )
    evaluator = _Evaluator(task, model)
    with _quiet():
        controller = orbit.Controller(
            global_step=optimizer.iterations,
            trainer=trainer,
            evaluator=evaluator,
            strategy=strategy,
            steps_per_loop=lambda step: config.log_steps - step % config.log_steps,
            checkpoint_manager=manager,
            summary_dir=f"{config.model_dir}/train",
            eval_summary_dir=f"{config.model_dir}/eval_dev",
        )
    start_step = int(optimizer.iterations.numpy())
    reporter = Reporter(config.model_dir, total_steps, start_step)
    trainer.reporter = reporter
    best = checkpoints.BestKeeper(config.model_dir, model, task.best_metric)
    if start_step:
        reporter.note(f"going on from step {start_step} of {total_steps}")
    reporter.note(
        f"{len(trainer.lengths)} windows, {per_epoch} steps an epoch, {total_steps} in all; lengths {trainer.buckets}; "
        f"{trainer.padding_efficiency:.1%} of the computed tokens are real"
    )
    ends = [min(per_epoch * (epoch + 1), total_steps) for epoch in range(math.ceil(total_steps / per_epoch))]
    for epoch, end in enumerate(ends, 1):
        if start_step < end:
            with _quiet():
                # Saves at the epoch's end, too: an evaluation that is killed does not cost the epoch.
                controller.train(end)
        if end < start_step or reporter.evaluated_at(end):
            continue
        with _quiet():
            controller.evaluate()
        if evaluator.scores:
            reporter.evaluation(end, epoch, evaluator.scores, best.offer(end, evaluator.scores))
    reporter.close()
    path = f"{config.model_dir}/{checkpoints.BEST_FILE}"
    scores = checkpoints.read_json(path)["scores"] if tf.io.gfile.exists(path) else {}
    return TrainResult(int(optimizer.iterations.numpy()), scores)


class _Trainer(orbit.AbstractTrainer):
    """orbit's inner loop: `num_steps` steps of the schedule, from wherever the optimizer stands."""

    reporter: Reporter

    def __init__(
        self,
        config: TrainConfig,
        task: Task,
        strategy: tf.distribute.Strategy,
        model: tf_keras.Model,
        optimizer: tf_keras.optimizers.Optimizer,
        columns: tfrecord.Columns,
        lengths: np.ndarray,
        buckets: tuple[int, ...],
    ) -> None:
        self._config = config
        self._task = task
        self._optimizer = optimizer
        self._columns = columns
        self.lengths = lengths
        self.buckets = buckets
        self._step = TrainStep(strategy, model, optimizer, task.losses, features.names(task.table, "input"))
        self._epoch = -1
        self._batches: list[schedules.ScheduledBatch] = []

    @property
    def padding_efficiency(self) -> float:
        """Real tokens / computed tokens of an epoch, last short batches included."""
        size = self._config.global_batch_size
        computed = sum(b.bucket_length * size for b in self._epoch_batches(0))
        return float(self.lengths.sum()) / computed

    def train(self, num_steps: tf.Tensor) -> dict[str, float]:
        """Runs the next `num_steps` steps; waits for the device once, at the end."""
        begin, first = time.monotonic(), int(self._optimizer.iterations.numpy())
        count, rows = int(num_steps), 0
        losses, norms = [], []
        for step in range(first, first + count):
            scheduled = self._batch_at(step)
            batch = pad_batch(
                self._columns,
                scheduled.record_ids,
                scheduled.bucket_length,
                self._config.global_batch_size,
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
                f"the loss of step {bad} is not finite, so training stopped; {self._config.model_dir} keeps the "
                f"checkpoints before it. Try a lower learning_rate than {self._config.optimizer.learning_rate:g}"
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

    def _batch_at(self, step: int) -> schedules.ScheduledBatch:
        per_epoch = schedules.steps_per_epoch(self.lengths, self.buckets, self._config.global_batch_size)
        epoch, index = divmod(step, per_epoch)
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._epoch_batches(epoch)
        return self._batches[index]

    def _epoch_batches(self, epoch: int) -> list[schedules.ScheduledBatch]:
        return schedules.schedule(self.lengths, self.buckets, self._config.global_batch_size, self._config.seed, epoch)


class _Evaluator(orbit.AbstractEvaluator):
    """orbit's hook for the development split."""

    def __init__(self, task: Task, model: tf_keras.Model) -> None:
        self._task = task
        self._model = model
        self.scores: dict[str, float] = {}

    def evaluate(self, num_steps: tf.Tensor) -> dict[str, float]:
        """Scores the whole split, whatever `num_steps` says."""
        del num_steps
        self.scores = self._task.evaluate(self._model)
        return dict(self.scores)


@contextlib.contextmanager
def _quiet():  # noqa: ANN202
    """Keeps orbit from printing; `Reporter` says the same in a user's words."""
    with contextlib.redirect_stdout(io.StringIO()) as _:
        yield


def _check_batch_size(config: TrainConfig, strategy: tf.distribute.Strategy) -> None:
    replicas = strategy.num_replicas_in_sync
    if config.global_batch_size % replicas:
        raise InputError(f"global_batch_size={config.global_batch_size} is no multiple of the {replicas} replicas")


def check_vocabulary(
    config: TrainConfig, manifest: Manifest, pretrained: PretrainedEncoder, tokenizer: BertTokenizer
) -> None:
    """Refuses records whose word pieces mean something else to the encoder.

    Raises:
      InputError: the vocabularies or their casing differ, or a window is longer than the encoder's positions.
    """
    theirs = tokenizer.vocab_sha256
    if theirs != manifest.vocab_sha256 or pretrained.do_lower_case != manifest.do_lower_case:
        raise InputError(
            f"{config.train_dir}: the records were made with another vocabulary (sha256 {manifest.vocab_sha256[:12]}, "
            f"do_lower_case={manifest.do_lower_case}) than the encoder {config.encoder_handle} has ({theirs[:12]}, "
            f"do_lower_case={pretrained.do_lower_case}): convert again with --encoder_handle={config.encoder_handle}"
        )
    positions = pretrained.config.max_position_embeddings
    if manifest.windowing.max_seq_length > positions:
        raise InputError(
            f"{config.train_dir}: windows of up to {manifest.windowing.max_seq_length} word pieces, but the encoder "
            f"{config.encoder_handle} has {positions} positions: convert again with --max_seq_length={positions}"
        )


def _initialize_from(model: tf_keras.Model, source: str) -> None:
    """Reads a model's weights from another run directory, or from a checkpoint's path."""
    if tf.io.gfile.exists(f"{source}/{checkpoints.CONFIG_FILE}"):
        source, _ = checkpoints.checkpoint_path(source, "best")
    elif not tf.io.gfile.exists(f"{source}.index"):
        raise InputError(f"--init_checkpoint={source}: neither a run directory nor a checkpoint")
    checkpoints.restore_model(model, source)
