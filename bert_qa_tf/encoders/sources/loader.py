"""Loads a pretrained encoder from a handle, and builds the Keras model that holds its weights.

Reading happens on the host, outside of any strategy and precision policy: load before entering a strategy's scope, and
set random seeds after. `handles` finds the encoder, and a module beside this one reads each kind.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tensorflow as tf
import tf_keras
from absl import logging

from bert_qa_tf.encoders import encoder as encoder_lib
from bert_qa_tf.encoders.sources import (
    casing,
    google_checkpoint,
    handles,
    hub_export,
    keras_preset,
    minilm,
    safetensors,
    tf_hub,
)
from bert_qa_tf.encoders.sources.weights import PretrainedEncoder, assign_weights
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import saved_model_trust

# Called with the folder (or a preset's name), whether to check, and the casing that the user states, if any.
_READERS: dict[handles.Kind, Callable[[str, bool, bool | None], PretrainedEncoder]] = {
    "minilm": lambda _, check, asked: _read_minilm(check),
    "tf_hub": lambda path, check, asked: tf_hub.read_hub_module(path, check=check),
    "google_checkpoint": lambda path, check, asked: google_checkpoint.read_google_checkpoint(path, do_lower_case=asked),
    "keras_preset": lambda path, check, asked: keras_preset.read_keras_preset(path, do_lower_case=asked),
    "safetensors": lambda path, check, asked: safetensors.read_safetensors(path, do_lower_case=asked),
}


def load_encoder(handle: str, *, check: bool = True, do_lower_case: bool | None = None) -> PretrainedEncoder:
    """Reads a pretrained BERT encoder from wherever it is.

    Args:
      handle: a name, folder or address; see `handles.find_source`.
      check: compare what was read from a TF-Hub module with the module's own outputs, the first time it is read.
      do_lower_case: the casing, for a source that does not state its own; one that does may not contradict it.

    Returns:
      The encoder.

    Raises:
      InputError: the handle leads nowhere, to something that is no BERT encoder, or to a damaged one; or its casing
        cannot be told, or is not the one that was asked for; or it is a module that is refused.
    """
    kind, path = handles.find_source(handle)
    if kind == "tf_hub" and check:  # which runs it
        saved_model_trust.check(path, handles.address_of(handle))
    read = _READERS[kind](path, check, do_lower_case)
    casing.check_asked(handle, read.tokenizer, do_lower_case)
    return read


def trust_module(handle: str) -> None:
    """Records that the user trusts the program of a TF-Hub module, whatever it does; of other encoders, nothing runs.

    Args:
      handle: see `handles.find_source`.

    Raises:
      InputError: it leads to no encoder.
    """
    kind, path = handles.find_source(handle)
    if kind == "tf_hub":
        saved_model_trust.trust(path)


def build_pretrained_encoder(pretrained: PretrainedEncoder, *, name: str = "encoder") -> tf_keras.Model:
    """Builds the encoder that `pretrained` describes, in the strategy and policy in force, with its weights in it.

    Args:
      pretrained: what `load_encoder` returned.
      name: see `encoder.build_encoder`.

    Returns:
      The model; see `encoder.build_encoder`.
    """
    encoder = encoder_lib.build_encoder(pretrained.config, name=name, random_weights=False)
    assign_weights(encoder, pretrained.weights, pretrained.source)
    return encoder


def _read_minilm(check: bool) -> PretrainedEncoder:
    """Reads minilm from the user's cache, where it is kept as a TF-Hub module, or puts it there first."""
    module = str(minilm.module_folder())
    if not tf.io.gfile.exists(module):
        original = safetensors.read_safetensors(str(minilm.find_files()), do_lower_case=minilm.DO_LOWER_CASE)
        original = dataclasses.replace(original, source=handles.MINILM)
        try:
            hub_export.export_hub_module(original, module)
        except (OSError, InputError, tf.errors.OpError) as error:
            # A cache that cannot be written, or another process that wrote it at the same time.
            logging.info("%s: not kept in the cache (%s)", handles.MINILM, handles.one_line(error))
            return original
    return dataclasses.replace(tf_hub.read_hub_module(module, check=check), source=handles.MINILM)
