"""Exports an encoder as a TF-Hub module, `<export_dir>/encoder/<version>`, and checks it by reading it back.

Other programs load the module with `hub.KerasLayer`, and this package takes it as `--encoder_handle`.
`encoders.sources.hub_export` writes the module.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.encoders.sources import hub_export, tf_hub
from bert_qa_tf.encoders.sources.weights import PretrainedEncoder
from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import versions

_NAME = "encoder"
# These settings do not change a module's graph, and training sets them again.
_NOT_IN_A_MODULE = ("hidden_dropout", "attention_dropout", "initializer_range")


def export_encoder(pretrained: PretrainedEncoder, export_dir: str, version: int | None = None) -> str:
    """Writes an encoder as a TF-Hub module and checks it.

    The module's outputs must equal the encoder's but for rounding; everything else must be identical bit for bit.

    Args:
      pretrained: the encoder.
      export_dir: the folder for `encoder/<version>`; may be remote.
      version: the version number; None for one more than the highest existing version.

    Returns:
      The module's folder.

    Raises:
      InputError: the version exists already, another process exports to the same folder, the encoder has no pooler, or
        the module differs when it is read back. Nothing is kept then.
    """
    export_dir = export_dir.rstrip("/")
    with versions.new_version(export_dir, (_NAME,), version) as new:
        written = f"{new.folder}/{_NAME}"
        hub_export.export_hub_module(pretrained, written)
        read = tf_hub.read_hub_module(written)
        differences = _differences(pretrained, read)
        if differences:
            raise InputError(f"export: the written module has other {', '.join(differences)}, so nothing was kept")
    return f"{export_dir}/{_NAME}/{new.version}"


def _differences(expected: PretrainedEncoder, read: PretrainedEncoder) -> list[str]:
    """Returns the names of the parts in which two encoders differ."""
    return [
        what
        for what, same in (
            ("settings", _comparable(expected.config) == _comparable(read.config)),
            ("tokenizer", expected.tokenizer.fingerprint == read.tokenizer.fingerprint),
            ("weights", all(np.array_equal(expected.weights[name], read.weights[name]) for name in expected.weights)),
        )
        if not same
    ]


def _comparable(config: EncoderConfig) -> EncoderConfig:
    defaults = {field.name: field.default for field in dataclasses.fields(EncoderConfig)}
    return dataclasses.replace(config, **{name: defaults[name] for name in _NOT_IN_A_MODULE})
