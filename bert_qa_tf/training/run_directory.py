"""Writes the run directory of a training, and loads the trained model from it.

A run directory holds `config.json`, `encoder/` (architecture and tokenizer), `checkpoints/` and `best/`. Checkpoints
hold float32 values under any precision policy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import tensorflow as tf
import tf_keras

from bert_qa_tf import tasks
from bert_qa_tf.config import EncoderConfig, schema
from bert_qa_tf.encoders.encoder import build_encoder
from bert_qa_tf.encoders.sources.weights import PretrainedEncoder, read_weights
from bert_qa_tf.encoders.tokenizers import load_saved_tokenizer
from bert_qa_tf.encoders.wrapped_encoder import WrappedEncoder, build_wrapped_encoder
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files, files
from bert_qa_tf.tasks.base import Answerer, Task
from bert_qa_tf.text.tokenizer import Tokenizer
from bert_qa_tf.training import checkpoint_files

CONFIG_FILE = "config.json"
ENCODER_DIR = "encoder"
ENCODER_CONFIG_FILE = "encoder/config.json"
ENCODER_MODULE = "encoder/module"
CHECKPOINT_DIR = "checkpoints"
EVAL_DIR = "eval"
# The folder for a copy of the development examples, so that they are available without the records.
DEVELOPMENT_DIR = "development"
BEST_FILE = "best/best.json"
_EXPECTED = "a run directory that `train` wrote"
_EXPECTED_BEST = "what `train` wrote about its best checkpoint"
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


@dataclasses.dataclass(frozen=True)
class _RunConfig:
    """The types of what is read of `config.json`; it holds more."""

    task: str
    settings: dict[str, Any]
    train: dict[str, Any]
    data: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Best:
    """The content of `best.json`.

    Attributes:
      checkpoint: the name of the best checkpoint, in the same folder.
      step: the step of its weights.
      scores: their development scores.
    """

    checkpoint: str
    step: int
    scores: dict[str, float]


@dataclasses.dataclass(frozen=True)
class LoadedRun:
    """A trained model with everything that inference needs.

    Attributes:
      task: the task that the model was trained for, with its settings.
      model: the model, with restored weights.
      tokenizer: the tokenizer of the training.
      config: the run's `config.json`.
      step: the optimizer step of the weights.
    """

    task: Task
    model: tf_keras.Model
    tokenizer: Tokenizer
    config: dict[str, Any]
    step: int

    def with_options(self, options: Mapping[str, Any]) -> LoadedRun:
        """Returns the run with some settings of its task replaced; see `Task.with_options`."""
        return dataclasses.replace(self, task=self.task.with_options(options))

    def answerer(self, batch_size: int = 32) -> Answerer:
        """Returns an `Answerer`, which answers the task's examples with the model."""
        return self.task.answerer(self.model, self.tokenizer, batch_size)


def write_encoder(model_dir: str, config: EncoderConfig, tokenizer: Tokenizer) -> None:
    """Writes the files that are needed to build the encoder again without its source."""
    _write_encoder_config(model_dir, config.to_dict(), tokenizer)


def write_wrapped_encoder(model_dir: str, wrapped: WrappedEncoder) -> None:
    """Copies a wrapped module into the run directory, which then no longer depends on the module's source."""
    target = f"{model_dir}/{ENCODER_MODULE}"
    for folder, _, names in tf.io.gfile.walk(wrapped.path):
        inside = folder.removeprefix(wrapped.path).strip("/")
        tf.io.gfile.makedirs(tf.io.gfile.join(target, inside))
        for name in names:
            tf.io.gfile.copy(tf.io.gfile.join(folder, name), tf.io.gfile.join(target, inside, name))
    _write_encoder_config(model_dir, {"encoder_mode": "wrap", "source": wrapped.source}, wrapped.tokenizer)


def _write_encoder_config(model_dir: str, values: dict[str, Any], tokenizer: Tokenizer) -> None:
    atomic_files.write_json(f"{model_dir}/{ENCODER_CONFIG_FILE}", {**values, "tokenizer": tokenizer.settings()})
    tokenizer.save(f"{model_dir}/{ENCODER_DIR}")


def read_encoder_config(model_dir: str) -> tuple[dict[str, Any], Tokenizer]:
    """Reads the encoder's settings and its tokenizer, as `write_encoder` or `write_wrapped_encoder` wrote them.

    Raises:
      InputError: a file is missing, damaged or not the one that was written.
    """
    path = f"{model_dir}/{ENCODER_CONFIG_FILE}"
    values = files.read_json(path, expected=_EXPECTED)
    # The first runs stored only the casing, among the encoder's settings.
    casing = {"do_lower_case": values.pop("do_lower_case")} if "do_lower_case" in values else {}
    settings = schema.read(dict[str, Any], values.pop("tokenizer", casing), f"{path}: `tokenizer`")
    return values, load_saved_tokenizer(f"{model_dir}/{ENCODER_DIR}", settings)


def read_config(model_dir: str) -> dict[str, Any]:
    """Reads `config.json` of a run directory.

    Raises:
      InputError: there is no such file, or another tool wrote it.
    """
    path = f"{model_dir}/{CONFIG_FILE}"
    config = files.read_json(path, expected=_EXPECTED)
    if "train" in config and "windowing" in config and "settings" not in config:
        config = _of_today(config)
    missing = [name for name in ("task", "settings", "train") if name not in config]
    if missing:
        raise InputError(f"{path}: not a config that `train` wrote ({', '.join(missing)} missing)")
    schema.read(_RunConfig, config, path, lenient=True)
    return config


def _of_today(config: dict[str, Any]) -> dict[str, Any]:
    """Converts the config of a run from before there were several tasks to the current format."""
    train = dict(config["train"]) if isinstance(config["train"], dict) else {}
    settings = {"windowing": config["windowing"], "decoding": train.pop("decoding", {})}
    rest = {name: value for name, value in config.items() if name != "windowing"}
    return {**rest, "task": "question_answering", "settings": settings, "train": train}


def task_of(model_dir: str) -> Task:
    """Returns the task that a run was trained for, with its settings.

    Raises:
      InputError: this is not a run directory, or its task is not known.
    """
    return _task(model_dir, read_config(model_dir))


def _task(model_dir: str, config: dict[str, Any]) -> Task:
    try:
        return tasks.find(config["task"]).from_json(config["settings"])
    except InputError as error:
        raise InputError(f"{model_dir}/{CONFIG_FILE}: {error}") from error


def checkpoint_path(model_dir: str, which: Literal["best", "last"]) -> tuple[str, int]:
    """Returns the path of the checkpoint to load, and its step.

    "best" falls back to the last checkpoint if the run had no development split.

    Raises:
      InputError: there is no checkpoint yet.
    """
    if which == "best" and tf.io.gfile.exists(f"{model_dir}/{BEST_FILE}"):
        best = read_best(model_dir)
        return f"{model_dir}/best/{best.checkpoint}", best.step
    path = checkpoint_files.newest(f"{model_dir}/{CHECKPOINT_DIR}")
    if path is None:
        raise InputError(f"{model_dir}: no checkpoint here yet; training has not got as far as its first one")
    return path, step_of(path)


def step_of(path: str) -> int:
    """Returns the step in the name of a checkpoint.

    Raises:
      InputError: the name has none.
    """
    step = path.rpartition("-")[2]
    if not step.isascii() or not step.isdigit() or len(step) > 18:
        raise InputError(f"{path}: expected a checkpoint whose name ends in its step, such as ckpt-500")
    return int(step)


def read_best(model_dir: str) -> Best | None:
    """Reads `best.json`; returns None if there is none.

    Raises:
      InputError: the file is damaged.
    """
    path = f"{model_dir}/{BEST_FILE}"
    if not tf.io.gfile.exists(path):
        return None
    best = schema.read(Best, files.read_json(path, expected=_EXPECTED_BEST), path, lenient=True)
    if not best.checkpoint or "/" in best.checkpoint or "\0" in best.checkpoint:
        raise InputError(f"{path}: expected `checkpoint` as a name in this folder, got {best.checkpoint!r}")
    return best


def development_scores(model_dir: str, step: int) -> dict[str, float] | None:
    """Returns the development scores of the weights of `step` if they are the best weights; otherwise None."""
    best = read_best(model_dir)
    return best.scores if best is not None and best.step == step else None


def test_scores(model_dir: str, step: int) -> dict[str, dict[str, Any]]:
    """Returns the `metrics.json` that `evaluate` wrote for the weights of `step`, by the name of the scored file."""
    found = {}
    for path in sorted(tf.io.gfile.glob(f"{model_dir}/{EVAL_DIR}/*/metrics.json")):
        metrics = files.read_json(path)
        if metrics.get("step") == step:
            found[schema.member(str, metrics, "file", path)] = metrics
    return found


def development_examples(model_dir: str, run: LoadedRun) -> list[Any]:
    """Returns the development examples of a run.

    If the run has no copy of them, they are read from its conversion, if that still exists.
    """
    train_dir = schema.read(str, run.config["train"].get("train_dir", ""), f"{model_dir}/{CONFIG_FILE}: `train_dir`")
    return run.task.development_examples(f"{model_dir}/{DEVELOPMENT_DIR}") or (
        run.task.development_examples(train_dir.rstrip("/")) if train_dir else []
    )


def load_run(
    model_dir: str,
    which: Literal["best", "last"] = "best",
    inference_dtype: Literal["float32", "bfloat16", "float16"] = "float32",
) -> LoadedRun:
    """Loads a trained model from its run directory, without any other files.

    Args:
      model_dir: the run directory; may be remote.
      which: the weights to load: those with the best development score, or the last ones.
      inference_dtype: the dtype of the encoder's matrix products; logits are always float32.

    Raises:
      InputError: this is not a run directory, or it holds no checkpoint.
    """
    model_dir = model_dir.rstrip("/")
    config = read_config(model_dir)
    task = _task(model_dir, config)
    encoder_values, tokenizer = read_encoder_config(model_dir)
    path, step = checkpoint_path(model_dir, which)
    if encoder_values.get("encoder_mode") == "wrap" and inference_dtype != "float32":
        raise InputError(
            f"{model_dir}: trained with --encoder_mode=wrap, and inference_dtype={inference_dtype} does not reach "
            "inside its module; use float32"
        )
    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(POLICIES[inference_dtype])
    try:
        if encoder_values.get("encoder_mode") == "wrap":
            encoder = build_wrapped_encoder(f"{model_dir}/{ENCODER_MODULE}")
        else:
            encoder_config = _encoder_config(model_dir, encoder_values)
            _check_size(encoder_config, path, model_dir)
            encoder = build_encoder(encoder_config, recompute_gelu=False)
        model = task.build_model(encoder)
    finally:
        tf_keras.mixed_precision.set_global_policy(before)
    restore_model(model, path)
    return LoadedRun(
        task=task,
        model=model,
        tokenizer=tokenizer,
        config=config,
        step=step,
    )


def load_trained_encoder(model_dir: str, which: Literal["best", "last"] = "best") -> PretrainedEncoder:
    """Loads the encoder of a trained model, without its head.

    A task that does not use `pooled_output`, such as question answering, does not train the pooler.

    Args:
      model_dir: the run directory; may be remote.
      which: see `load_run`.

    Raises:
      InputError: see `load_run`.
    """
    model_dir = model_dir.rstrip("/")
    read_config(model_dir)
    values, tokenizer = read_encoder_config(model_dir)
    if values.get("encoder_mode") == "wrap":
        raise InputError(
            f"{model_dir}: trained with --encoder_mode=wrap, whose encoder cannot be taken out of its module"
        )
    weights = read_weights(load_run(model_dir, which).model.get_layer("encoder"))
    return PretrainedEncoder(_encoder_config(model_dir, values), weights, tokenizer, source=model_dir)


def _encoder_config(model_dir: str, values: dict[str, Any]) -> EncoderConfig:
    return schema.read(EncoderConfig, values, f"{model_dir}/{ENCODER_CONFIG_FILE}")


def _check_size(config: EncoderConfig, checkpoint: str, model_dir: str) -> None:
    """Refuses an encoder that the checkpoint cannot hold, before memory is taken for it."""
    num_bytes = sum(tf.io.gfile.stat(file).length for file in tf.io.gfile.glob(f"{checkpoint}.data-*"))
    if num_bytes and 4 * config.num_parameters > num_bytes:
        raise InputError(
            f"{checkpoint}: not a checkpoint of this model ({num_bytes:,} bytes, but {model_dir}/{ENCODER_CONFIG_FILE} "
            f"states {config.num_parameters:,} parameters)"
        )


def restore_model(model: tf_keras.Model, path: str) -> None:
    """Restores all weights of a model from a checkpoint.

    Raises:
      InputError: the checkpoint is unreadable or belongs to another model.
    """
    try:
        # `read` accepts both the files of `write` (the best model) and those of a CheckpointManager.
        status = tf.train.Checkpoint(model=model).read(path)
        status.assert_existing_objects_matched().expect_partial()
    except checkpoint_files.UNREADABLE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not a checkpoint of this model ({reason})") from error
