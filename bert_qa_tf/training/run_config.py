"""Opening a run directory: what its `config.json` says, and whether it belongs to the training asked for.

What goes in: a `TrainConfig` and what it was resolved to. What comes out: a new run directory, or the same one to go on
in, or an error that names each difference. Checkpoints are `checkpoints.py`'s.
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
from bert_qa_tf.storage import files
from bert_qa_tf.tasks.base import Task
from bert_qa_tf.training import run_directory

_PACKAGES = ("tensorflow", "tf-keras", "tf-models-official", "tensorflow-text", "numpy")
# What may differ between two runs of the same training: where it runs and how often it reports.
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
    "task_options",  # in the settings
    "train_dir",
    "model_dir",
)
# Settings younger than the first runs, and what those runs did.
_ADDED = {
    "freeze_layers": 0,
    "optimizer.layerwise_lr_decay": 1.0,
    "optimizer.warmup_steps": None,
    "encoder_mode": "rebuild",
    "gradient_accumulation_steps": 1,
    "steps_per_loop": 1,
}
# All that a run directory holds, in the order in which it is removed: its config, which says what it is, goes last.
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
    run_directory.CONFIG_FILE,
)
# What a training that is killed before its config is written leaves.
_STARTED = {
    "encoder",
    run_directory.DEVELOPMENT_DIR,
    f"{run_directory.CONFIG_FILE}.tmp",
    run_directory.CONFIG_FILE,
}


def resolved_config(config: TrainConfig, manifest: Manifest, task: Task, policy: str) -> dict[str, Any]:
    """All that was resolved, as `config.json` holds it."""
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
    """The part of a config that makes two runs the same training, flat."""
    flat = _flat({name: value for name, value in resolved["train"].items() if name not in _FREE})
    flat |= _flat(resolved["settings"])
    flat["mixed_precision"] = resolved["mixed_precision"]
    flat["records"] = resolved["data"]["shards"]
    return flat


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested objects as one: `{"a": {"b": 1}}` as `{"a.b": 1}`."""
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
    """Starts a run directory, or checks that the one there belongs to this training.

    Args:
      config: names the directory.
      resolved: see `resolved_config`.
      encoder: what is needed of it is written there.
      development_file: of the conversion, see `Task`: a copy travels with the run.

    Raises:
      InputError: the folder holds another training (and nobody said to overwrite it), or something else.
    """
    path = f"{config.model_dir}/{run_directory.CONFIG_FILE}"
    if tf.io.gfile.exists(config.model_dir) and not tf.io.gfile.isdir(config.model_dir):
        raise InputError(f"{config.model_dir}: is a file, expected a folder for the run")
    there = run_directory.read_config(config.model_dir) if tf.io.gfile.exists(path) else None
    if there is not None and not config.overwrite:
        there, here = {**_ADDED, **_identity(there)}, _identity(resolved)
        # Through JSON, as the file went: tuples are lists there.
        here = json.loads(json.dumps(here))
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
    entries = tf.io.gfile.listdir(config.model_dir) if tf.io.gfile.isdir(config.model_dir) else []
    entries = {entry.rstrip("/") for entry in entries}
    if there is None and not {files.final_name(entry) for entry in entries} <= _STARTED:
        raise InputError(f"{config.model_dir}: not empty and not a run directory; name another --model_dir")
    for name in _WRITTEN:  # and nothing else that somebody may keep here
        for entry in [f"{config.model_dir}/{entry}" for entry in entries if files.final_name(entry) == name]:
            (tf.io.gfile.rmtree if tf.io.gfile.isdir(entry) else tf.io.gfile.remove)(entry)
    tf.io.gfile.makedirs(config.model_dir)
    if isinstance(encoder, WrappedEncoder):
        run_directory.write_wrapped_encoder(config.model_dir, encoder)
    else:
        run_directory.write_encoder(config.model_dir, encoder.config, encoder.tokenizer)
    source = f"{config.train_dir}/{development_file}"
    if development_file is not None and tf.io.gfile.exists(source):
        tf.io.gfile.makedirs(f"{config.model_dir}/{run_directory.DEVELOPMENT_DIR}")
        tf.io.gfile.copy(source, f"{config.model_dir}/{run_directory.DEVELOPMENT_DIR}/{development_file}")
    files.write_json(path, resolved)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """The commit of the checkout this package runs from; None when it is installed otherwise."""
    folder = pathlib.Path(bert_qa_tf.__file__).resolve().parent
    try:
        command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
