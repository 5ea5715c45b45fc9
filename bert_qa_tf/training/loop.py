"""A whole training: from records and an encoder to a run directory.

What goes in: a `TrainConfig`. What comes out: checkpoints, the best weights, metrics. The outer loop is `orbit`'s
(steps, summaries, checkpoints, restoring); a step, the schedule and the task's own parts live beside this file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math

import orbit
import tensorflow as tf
import tf_keras

from bert_qa_tf import features
from bert_qa_tf.config import TrainConfig
from bert_qa_tf.data import tfrecord
from bert_qa_tf.data.manifest import Manifest, read_manifest
from bert_qa_tf.errors import InputError
from bert_qa_tf.models.pretrained.loader import PretrainedEncoder, build_pretrained_encoder, load_encoder
from bert_qa_tf.models.wrapped_encoder import (
    WrappedEncoder,
    build_wrapped_encoder,
    check_length,
    load_wrapped_encoder,
)
from bert_qa_tf.text.tokenization import BertTokenizer
from bert_qa_tf.training import checkpoints, optimization, partial, precision_census, run_directory, runtime
from bert_qa_tf.training.reporting import Reporter
from bert_qa_tf.training.schedule import TrainingSchedule
from bert_qa_tf.training.tasks import QuestionAnswering, Task
from bert_qa_tf.training.trainer import Evaluator, Trainer


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
    # On gs:// `run//config.json` is not `run/config.json`.
    config = dataclasses.replace(config, train_dir=config.train_dir.rstrip("/"), model_dir=config.model_dir.rstrip("/"))

    # 1. The strategy first: workers must connect before TensorFlow runs any op.
    strategy = runtime.make_strategy(config.runtime)
    _check_batch_size(config, strategy)
    # No policy reaches inside a wrapped module: "auto" asks for none there.
    asked = config.runtime.mixed_precision
    asked = "float32" if config.encoder_mode == "wrap" and asked == "auto" else asked
    policy = runtime.resolve_precision(asked, config.runtime.distribution_strategy)
    print(f"strategy {config.runtime.distribution_strategy}, {strategy.num_replicas_in_sync} replica(s); {policy}")

    # 2. The data, which says how it was tokenized; then the encoder, which must agree.
    manifest = read_manifest(config.train_dir)
    decoding = dataclasses.replace(config.decoding, version_2_with_negative=manifest.version_2_with_negative)
    config = dataclasses.replace(config, decoding=decoding)
    load = load_wrapped_encoder if config.encoder_mode == "wrap" else load_encoder
    pretrained = load(config.encoder_handle, do_lower_case=manifest.do_lower_case)
    tokenizer = BertTokenizer(pretrained.vocab, pretrained.do_lower_case)
    check_vocabulary(config, manifest, pretrained, tokenizer)
    columns = tfrecord.read_columns(config.train_dir, manifest.split("train"), features.QA_FEATURES)
    lengths = columns.lengths[: config.max_train_examples]
    if not len(lengths):
        raise InputError(f"{config.train_dir}: the conversion holds no training windows")
    schedule = TrainingSchedule(
        lengths,
        config.length_buckets,
        config.global_batch_size,
        config.num_train_epochs,
        config.max_train_steps,
        config.seed,
    )

    # 3. Model and optimizer, under the strategy and the policy.
    task = QuestionAnswering(config.train_dir, manifest, tokenizer, config.decoding, config.eval_batch_size)
    runtime.set_seed(config.seed)  # here, so that nothing read before can have drawn from it
    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(policy)
    try:
        with strategy.scope():
            encoder = _build_encoder(pretrained)
            if config.optimizer.layerwise_lr_decay != 1.0:
                partial.check_layers(encoder, f"layerwise_lr_decay={config.optimizer.layerwise_lr_decay}")
            partial.freeze(encoder, config.freeze_layers)
            model = task.build_model(encoder)
            if config.init_checkpoint:
                _initialize_from(model, config.init_checkpoint)
            optimizer = optimization.build_optimizer(config.optimizer, schedule.total_steps, policy)
    finally:
        tf_keras.mixed_precision.set_global_policy(before)
    if isinstance(pretrained, WrappedEncoder):
        check_length(model.get_layer("encoder"), pretrained, manifest.windowing.max_seq_length)

    if config.freeze_layers:
        print(f"training {_count(model.trainable_weights):,} of {_count(model.weights):,} parameters")

    # 4. What really runs in that precision, read from the graph of the longest step.
    trainer = Trainer(task, strategy, model, optimizer, columns, schedule, config.seed)
    length = schedule.buckets[-1]
    census = precision_census.take_census(trainer.trace(length), policy, model)
    print(census.summary())
    precision_census.check_census(census, allow_float32_encoder=config.runtime.allow_float32_encoder)

    # 5. The run directory: a new one, or the same training again. Nothing is written before all above went well.
    run_directory.open_run(config, run_directory.resolved_config(config, manifest, policy), pretrained)
    del pretrained
    shape = {"global_batch_size": config.global_batch_size, "seq_length": length}
    precision_census.write_census(config.model_dir, census, shape)

    # 6. The loop.
    return _run(config, task, strategy, model, optimizer, trainer, schedule)


def _run(
    config: TrainConfig,
    task: Task,
    strategy: tf.distribute.Strategy,
    model: tf_keras.Model,
    optimizer: tf_keras.optimizers.Optimizer,
    trainer: Trainer,
    schedule: TrainingSchedule,
) -> TrainResult:
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(model=model, optimizer=optimizer),
        f"{config.model_dir}/{checkpoints.CHECKPOINT_DIR}",
        max_to_keep=config.keep_checkpoint_max,
        step_counter=optimizer.iterations,
        checkpoint_interval=config.save_checkpoints_steps,
    )
    evaluator = Evaluator(task, model)
    with _quiet(), _naming_what_cannot_be_restored(manager):
        controller = orbit.Controller(
            global_step=optimizer.iterations,
            trainer=trainer,
            evaluator=evaluator,
            strategy=strategy,
            # Up to the next line or checkpoint, whichever comes first: orbit saves between two loops only.
            steps_per_loop=lambda step: min(n - step % n for n in (config.log_steps, config.save_checkpoints_steps)),
            checkpoint_manager=manager,
            summary_dir=f"{config.model_dir}/train",
            eval_summary_dir=f"{config.model_dir}/eval_dev",
        )
    start_step = int(optimizer.iterations.numpy())
    reporter = Reporter(config.model_dir, schedule.total_steps, start_step)
    trainer.reporter = reporter
    best = checkpoints.BestKeeper(config.model_dir, model, task.best_metric)
    if start_step:
        reporter.note(f"going on from step {start_step} of {schedule.total_steps}")
    reporter.note(
        f"{len(schedule.lengths)} windows, {schedule.steps_per_epoch} steps an epoch, {schedule.total_steps} in all; "
        f"lengths {schedule.buckets}; {schedule.padding_efficiency:.1%} of the computed tokens are real"
    )
    for epoch, end in enumerate(schedule.epoch_ends, 1):
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


@contextlib.contextmanager
def _naming_what_cannot_be_restored(manager: tf.train.CheckpointManager):  # noqa: ANN202
    """Around the making of orbit's controller, which restores the last checkpoint."""
    try:
        yield
    except checkpoints.UNREADABLE as error:
        if manager.latest_checkpoint is None:
            raise
        raise InputError(
            f"{manager.latest_checkpoint}: this checkpoint cannot be read ({str(error).splitlines()[0]}), so training "
            "cannot go on from it; put a good copy in its place, or start anew with --overwrite"
        ) from error


@contextlib.contextmanager
def _quiet():  # noqa: ANN202
    """Keeps orbit from printing; `Reporter` says the same in a user's words."""
    with contextlib.redirect_stdout(io.StringIO()) as _:
        yield


def _count(variables: list[tf.Variable]) -> int:
    return sum(math.prod(variable.shape) for variable in variables)


def _check_batch_size(config: TrainConfig, strategy: tf.distribute.Strategy) -> None:
    replicas = strategy.num_replicas_in_sync
    if config.global_batch_size % replicas:
        raise InputError(f"global_batch_size={config.global_batch_size} is no multiple of the {replicas} replicas")


def check_vocabulary(
    config: TrainConfig,
    manifest: Manifest,
    pretrained: PretrainedEncoder | WrappedEncoder,
    tokenizer: BertTokenizer,
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
    if isinstance(pretrained, WrappedEncoder):
        return  # its positions are not stated: `check_length` tries them
    positions = pretrained.config.max_position_embeddings
    if manifest.windowing.max_seq_length > positions:
        raise InputError(
            f"{config.train_dir}: windows of up to {manifest.windowing.max_seq_length} word pieces, but the encoder "
            f"{config.encoder_handle} has {positions} positions: convert again with --max_seq_length={positions}"
        )


def _build_encoder(pretrained: PretrainedEncoder | WrappedEncoder) -> tf_keras.Model:
    if isinstance(pretrained, WrappedEncoder):
        return build_wrapped_encoder(pretrained.path)
    return build_pretrained_encoder(pretrained)


def _initialize_from(model: tf_keras.Model, source: str) -> None:
    """Reads a model's weights from another run directory, or from a checkpoint's path."""
    if tf.io.gfile.exists(f"{source}/{checkpoints.CONFIG_FILE}"):
        checkpoints.read_config(source)
        source, _ = checkpoints.checkpoint_path(source, "best")
    elif not tf.io.gfile.exists(f"{source}.index"):
        raise InputError(f"--init_checkpoint={source}: neither a run directory nor a checkpoint")
    checkpoints.restore_model(model, source)
