"""Creates a run directory with its `config.json`, or checks that an existing one belongs to the same training.

If the existing one belongs to another training, an error names each difference. `checkpoints.py` handles checkpoints.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import pathlib
import subprocess
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

import bert_qa_tf
from bert_qa_tf.config import TrainConfig
from bert_qa_tf.encoders.sources.loader import PretrainedEncoder
from bert_qa_tf.encoders.wrapped_encoder import WrappedEncoder
from bert_qa_tf.errors import InputError
from bert_qa_tf.records.manifest import Manifest
from bert_qa_tf.storage import atomic_files, files, json_text, lock, outputs, temporary_files
from bert_qa_tf.tasks.base import Task
from bert_qa_tf.training import run_directory

_PACKAGES = ("tensorflow", "tf-keras", "tf-models-official", "tensorflow-text", "numpy")
# The settings that may change when a training is resumed, such as where it runs and how often it reports.
_FREE = (
    "overwrite",
    "log_steps",
    "eval_batch_size",
    "save_checkpoints_steps",
    "keep_checkpoint_max",
    "early_stopping_patience",
    "max_hours",
    "profile_steps",
    "runtime",
    "task_options",  # compared as part of the task's settings
    "train_dir",
    "model_dir",
)
# Settings that were added later, with the values that correspond to the behaviour of older runs.
_ADDED = {
    "freeze_layers": 0,
    "optimizer.layerwise_lr_decay": 1.0,
    "optimizer.warmup_steps": None,
    "encoder_mode": "rebuild",
    "gradient_accumulation_steps": 1,
    "steps_per_loop": 1,
}
# The content of a run directory beside its config, which identifies it.
_WRITTEN = (
    "best",
    "checkpoints",
    "eval",
    "eval_dev",
    "metrics.jsonl",
    "metrics.jsonl.tmp",
    "precision.json",
    "train",
    "encoder",
    run_directory.DEVELOPMENT_DIR,
    f"{run_directory.CONFIG_FILE}.tmp",
)
# The files that a training leaves if it is killed before its config is written.
_STARTED = {
    "encoder",
    run_directory.DEVELOPMENT_DIR,
    f"{run_directory.CONFIG_FILE}.tmp",
    run_directory.CONFIG_FILE,
}


def resolved_config(config: TrainConfig, manifest: Manifest, task: Task, policy: str) -> dict[str, Any]:
    """Returns the content of `config.json`: the resolved configuration, the data and the versions of packages."""
    return {
        "task": manifest.task,
        "settings": task.settings_json(),
        "train": dataclasses.asdict(config),
        "mixed_precision": policy,
        "data": {
            "sources": [source.to_json() for source in manifest.sources],
            "shards": [shard.sha256 for shard in manifest.shards],
            "counts": manifest.counts,
            "settings": manifest.settings,
        },
        "versions": {
            "bert_qa_tf": bert_qa_tf.__version__,
            "git_commit": _git_commit(),
            **{name: _version(name) for name in _PACKAGES},
        },
    }


def _identity(resolved: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings that must be equal for two runs to be the same training, as a flat dict."""
    flat = _flat({name: value for name, value in resolved["train"].items() if name not in _FREE})
    flat |= _flat(resolved["settings"])
    flat["mixed_precision"] = resolved["mixed_precision"]
    flat["records"] = resolved["data"]["shards"]
    return flat


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Flattens nested objects: `{"a": {"b": 1}}` becomes `{"a.b": 1}`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.update({f"{name}.{key}": entry for key, entry in _flat(value).items()})
        else:
            flat[name] = value
    return flat


def open_run(
    config: TrainConfig,
    resolved: dict[str, Any],
    encoder: PretrainedEncoder | WrappedEncoder,
    development_file: str | None = None,
) -> None:
    """Creates a run directory, or checks that an existing one belongs to this training.

    Args:
      config: the configuration, which names the directory.
      resolved: the content of `config.json`, see `resolved_config`.
      encoder: the encoder; the files that are needed to build it again are written to the directory.
      development_file: the conversion's file of development examples, see `Task`; it is copied to the directory.

    Raises:
      InputError: the folder holds another training (and `overwrite` is not set), or is not a run directory.
    """
    path = f"{config.model_dir}/{run_directory.CONFIG_FILE}"
    check_place(config.model_dir)
    there = run_directory.read_config(config.model_dir) if tf.io.gfile.exists(path) else None
    if there is not None and not config.overwrite:
        there, here = {**_ADDED, **_identity(there)}, _identity(resolved)
        # Converted through JSON like the file, which turns tuples into lists.
        here = json_text.parse(json.dumps(here))
        different = [name for name in here if here[name] != there.get(name)]
        if different:
            shown = ", ".join(
                name if name == "records" else f"{name} {there.get(name)!r} there, {here[name]!r} here"
                for name in different
            )
            raise InputError(
                f"{config.model_dir}: belongs to another training ({shown}); name another --model_dir, or start anew "
                "in this one with --overwrite"
            )
        return
    outputs.check_not_read(config.model_dir, filter(None, (config.train_dir, config.init_checkpoint)))
    _clear(config.model_dir)
    tf.io.gfile.makedirs(config.model_dir)
    if isinstance(encoder, WrappedEncoder):
        run_directory.write_wrapped_encoder(config.model_dir, encoder)
    else:
        run_directory.write_encoder(config.model_dir, encoder.config, encoder.tokenizer)
    source = f"{config.train_dir}/{development_file}"
    if development_file is not None and tf.io.gfile.exists(source):
        tf.io.gfile.makedirs(f"{config.model_dir}/{run_directory.DEVELOPMENT_DIR}")
        tf.io.gfile.copy(source, f"{config.model_dir}/{run_directory.DEVELOPMENT_DIR}/{development_file}")
    atomic_files.sync(config.model_dir)
    atomic_files.write_json(path, resolved)
    for entry in files.list_folder(config.model_dir):
        if entry != run_directory.CONFIG_FILE and temporary_files.final_name(entry) == run_directory.CONFIG_FILE:
            files.remove(f"{config.model_dir}/{entry}")


def check_place(model_dir: str) -> None:
    """Checks that a path may be a run directory.

    Raises:
      InputError: there is a file.
    """
    if tf.io.gfile.exists(model_dir) and not tf.io.gfile.isdir(model_dir):
        raise InputError(f"{model_dir}: is a file, expected a folder for the run")


def _clear(model_dir: str) -> None:
    """Removes an earlier training, or the beginning of one, from a folder; other files are kept.

    Raises:
      InputError: the folder holds something else.
    """
    entries = {entry: temporary_files.final_name(entry) for entry in files.list_folder(model_dir)}
    entries.pop(lock.LOCK_FILE, None)
    if run_directory.CONFIG_FILE not in entries.values() and not set(entries.values()) <= _STARTED:
        raise InputError(f"{model_dir}: not empty and not a run directory; name another --model_dir")
    if run_directory.CONFIG_FILE in entries:
        # If the process is killed, this still tells that the folder belongs to a training, but it cannot be resumed.
        config_file = f"{model_dir}/{run_directory.CONFIG_FILE}"
        tf.io.gfile.rename(config_file, temporary_files.unique_name(config_file), overwrite=True)
    for entry, name in entries.items():
        if name in _WRITTEN:
            path = f"{model_dir}/{entry}"
            files.remove(path)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """Returns the commit of the git checkout that this package runs from; None if it does not run from one."""
    folder = pathlib.Path(bert_qa_tf.__file__).resolve().parent
    try:
        command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
