"""Prepares a training: builds the strategy, data, model and optimizer, and checks that they fit together.

This module writes no files. `loop.py` runs the prepared training.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import tensorflow as tf
import tf_keras

from bert_qa_tf import tasks
from bert_qa_tf.config import TrainConfig
from bert_qa_tf.config.options import options_of
from bert_qa_tf.encoders.sources.loader import PretrainedEncoder, build_pretrained_encoder, load_encoder
from bert_qa_tf.encoders.wrapped_encoder import (
    WrappedEncoder,
    build_wrapped_encoder,
    check_length,
    load_wrapped_encoder,
)
from bert_qa_tf.errors import InputError
from bert_qa_tf.records.manifest import MANIFEST_FILE, Manifest, read_manifest
from bert_qa_tf.records.reader import RecordReader, open_split
from bert_qa_tf.tasks.base import Task
from bert_qa_tf.text.tokenizer import describe, fingerprint_of
from bert_qa_tf.training import optimization, partial, run_directory, runtime
from bert_qa_tf.training.schedule import TrainingSchedule
from bert_qa_tf.training.state import Progress
from bert_qa_tf.training.trainer import Trained


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Everything that a training needs before its first step.

    Attributes:
      config: the configuration, with normalized paths.
      strategy: the distribution strategy.
      policy: the Keras precision policy of the model.
      manifest: the manifest of the records.
      pretrained: the source of the encoder's weights.
      task: the task, which provides the head and the loss.
      score: scores a model on the development split; None if there is no such split.
      records: the training records.
      schedule: decides which records make up a batch.
      trained: the model and the optimizer, at step 0.
    """

    config: TrainConfig
    strategy: tf.distribute.Strategy
    policy: str
    manifest: Manifest
    pretrained: PretrainedEncoder | WrappedEncoder
    task: Task
    score: Callable[[tf_keras.Model], dict[str, float]] | None
    records: RecordReader
    schedule: TrainingSchedule
    trained: Trained


def prepare(config: TrainConfig) -> Prepared:
    """Builds everything that `config` describes.

    Raises:
      InputError: the records, the encoder or the requested hardware are unsuitable.
    """
    # On gs://, `run//config.json` is not the same file as `run/config.json`.
    config = dataclasses.replace(config, train_dir=config.train_dir.rstrip("/"), model_dir=config.model_dir.rstrip("/"))

    # 1. The strategy comes first, because workers must connect before TensorFlow runs any op.
    strategy = runtime.make_strategy(config.runtime)
    _check_batch_size(config, strategy)
    # A policy has no effect inside a wrapped module, so "auto" means float32 there.
    asked = config.runtime.mixed_precision
    asked = "float32" if config.encoder_mode == "wrap" and asked == "auto" else asked
    policy = runtime.resolve_precision(asked, config.runtime.distribution_strategy)

    runtime.rewrite_graphs(config.runtime, policy, config.encoder_mode)

    # 2. The data, with the settings of its tokenizer; then the encoder, which must have the same tokenizer.
    manifest = read_manifest(config.train_dir)
    task = _bind_task(config, manifest)
    load = load_wrapped_encoder if config.encoder_mode == "wrap" else load_encoder
    pretrained = load(config.encoder_handle, do_lower_case=manifest.tokenizer.get("do_lower_case"))
    check_vocabulary(config, manifest, pretrained, task.max_seq_length)
    records = open_split(config.train_dir, manifest, "train", task.table)
    if not len(records):
        raise InputError(f"{config.train_dir}: the conversion holds no training records")
    schedule = TrainingSchedule(
        records.lengths,
        config.length_buckets,
        config.global_batch_size,
        config.num_train_epochs,
        config.max_train_steps,
        config.seed,
        config.steps_per_loop,
        records.copies,
        config.max_train_examples,
    )

    _check_positions(config, schedule, pretrained)

    # 3. The model and the optimizer, under the strategy and the policy.
    score = task.development_scorer(config.train_dir, manifest, pretrained.tokenizer, config.eval_batch_size)
    runtime.set_seed(config.seed)  # set here, so that nothing before can have drawn random numbers
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
        check_length(model.get_layer("encoder"), pretrained, task.max_seq_length)
    trained = Trained(model, optimizer, tf.Variable(0, dtype=tf.int64, trainable=False, name="step"), Progress())
    return Prepared(config, strategy, policy, manifest, pretrained, task, score, records, schedule, trained)


def _bind_task(config: TrainConfig, manifest: Manifest) -> Task:
    """Returns the task of the records, with the options of the configuration."""
    task = tasks.find(manifest.task)
    known = {option.name for option in options_of(task.training_config)}
    for name in config.task_options:
        if name not in known:
            raise InputError(f"--{name}: {config.train_dir} is for {task.name}, which has no such option")
    try:
        bound = task.from_json(manifest.settings)
    except InputError as error:
        raise InputError(f"{config.train_dir}/{MANIFEST_FILE}: {error}; convert again") from error
    return bound.with_options(config.task_options)


def parameter_counts(model: tf_keras.Model) -> tuple[int, int]:
    """Returns the number of trained parameters and the number of all parameters."""
    return tuple(sum(math.prod(v.shape) for v in weights) for weights in (model.trainable_weights, model.weights))


def _check_batch_size(config: TrainConfig, strategy: tf.distribute.Strategy) -> None:
    replicas, parts = strategy.num_replicas_in_sync, config.gradient_accumulation_steps
    if config.global_batch_size % replicas:
        raise InputError(f"global_batch_size={config.global_batch_size} is no multiple of the {replicas} replicas")
    share = config.global_batch_size // replicas
    if share % parts:
        raise InputError(
            f"gradient_accumulation_steps={parts} does not divide the {share} windows that each of {replicas} "
            f"replica(s) has of global_batch_size={config.global_batch_size}"
        )


def check_vocabulary(
    config: TrainConfig, manifest: Manifest, pretrained: PretrainedEncoder | WrappedEncoder, max_seq_length: int
) -> None:
    """Checks that the records were made with the encoder's tokenizer and are not too long for it.

    Raises:
      InputError: the tokenizers differ, or records may be longer than the encoder's positions.
    """
    tokenizer = pretrained.tokenizer
    if tokenizer.fingerprint != fingerprint_of(manifest.tokenizer):
        raise InputError(
            f"{config.train_dir}: the records were made with another vocabulary ({describe(manifest.tokenizer)}) than "
            f"the encoder {config.encoder_handle} has ({describe(tokenizer.settings())}): convert again with "
            f"--encoder_handle={config.encoder_handle}"
        )
    if isinstance(pretrained, WrappedEncoder):
        return  # a module does not state its number of positions; `check_length` tests the length
    positions = pretrained.config.max_position_embeddings
    if max_seq_length > positions:
        raise InputError(
            f"{config.train_dir}: records of up to {max_seq_length} word pieces, but the encoder "
            f"{config.encoder_handle} has {positions} positions: convert again with --max_seq_length={positions}"
        )


def _check_positions(
    config: TrainConfig, schedule: TrainingSchedule, pretrained: PretrainedEncoder | WrappedEncoder
) -> None:
    longest = schedule.buckets[-1]
    if isinstance(pretrained, PretrainedEncoder) and longest > pretrained.config.max_position_embeddings:
        raise InputError(
            f"length_buckets: {longest} is longer than the {pretrained.config.max_position_embeddings} positions of "
            f"the encoder {config.encoder_handle}"
        )


def _build_encoder(pretrained: PretrainedEncoder | WrappedEncoder) -> tf_keras.Model:
    if isinstance(pretrained, WrappedEncoder):
        return build_wrapped_encoder(pretrained.path)
    return build_pretrained_encoder(pretrained)


def _initialize_from(model: tf_keras.Model, source: str) -> None:
    """Initializes a model's weights from another run directory or from a checkpoint."""
    if tf.io.gfile.exists(f"{source}/{run_directory.CONFIG_FILE}"):
        run_directory.read_config(source)
        source, _ = run_directory.checkpoint_path(source, "best")
    elif not tf.io.gfile.exists(f"{source}.index"):
        raise InputError(f"--init_checkpoint={source}: neither a run directory nor a checkpoint")
    run_directory.restore_model(model, source)
