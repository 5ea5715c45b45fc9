"""Writes a `PretrainedEncoder` as a TF-Hub module: a SavedModel with the interface of the published BERT modules.

`hub.KerasLayer` loads it in anyone's code, and `tf_hub.read_hub_module` reads it back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import tensorflow as tf
import tf_keras
from absl import logging

from bert_qa_tf.encoders import encoder as encoder_lib
from bert_qa_tf.encoders.sources import precision
from bert_qa_tf.encoders.sources.weights import PretrainedEncoder, assign_weights
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files
from bert_qa_tf.text.tokenization import VOCAB_FILE


def export_hub_module(pretrained: PretrainedEncoder, path: str) -> None:
    """Writes an encoder as a TF-Hub module, in float32 whatever the policy in force.

    The module takes a dict of `input_word_ids`, `input_mask`, `input_type_ids`, each `<int32>[batch, seq_length]`, and
    gives a dict of `pooled_output`, `default` (the same), `sequence_output` and `encoder_outputs`. It has the
    attributes `vocab_file` and `do_lower_case`, and can be trained further.

    Args:
      pretrained: the encoder.
      path: the folder to make; may be remote. It appears under this name only once it is whole.

    Raises:
      InputError: `path` exists already, or the encoder has no pooler.
    """
    if not pretrained.config.has_pooler:
        raise InputError(
            f"{pretrained.source}: this encoder has no pooler, which a TF-Hub module needs for its pooled_output"
        )
    path = path.rstrip("/")
    if tf.io.gfile.exists(path):
        raise InputError(f"{path}: exists already; a module is written to a new folder")
    partial, folder = (f"{path}.{os.getpid()}.{part}" for part in ("partial", "vocabulary"))
    with precision.float32_policy(), _stateless_dropout(), tf.device("/CPU:0"):
        module = _core_model(pretrained)
        lowers = pretrained.tokenizer.settings()["do_lower_case"]
        module.do_lower_case = tf.Variable(lowers, trainable=False, name="do_lower_case")
        try:
            tf.io.gfile.makedirs(folder)
            pretrained.tokenizer.save(folder)
            module.vocab_file = tf.saved_model.Asset(f"{folder}/{VOCAB_FILE}")
            with _quiet():
                module.save(partial, include_optimizer=False, save_format="tf")
            tf.io.gfile.rename(partial, path)
        finally:
            for left in (partial, folder):
                files.remove(left)


def _core_model(pretrained: PretrainedEncoder) -> tf_keras.Model:
    encoder = encoder_lib.build_encoder(pretrained.config, random_weights=False, recompute_gelu=False)
    assign_weights(encoder, pretrained.weights, pretrained.source)
    inputs = {name: tf_keras.Input((None,), dtype=tf.int32, name=name) for name in encoder_lib.INPUT_NAMES}
    outputs = dict(encoder(inputs))
    # The name under which every kind of text module on TensorFlow Hub gives its one vector per text.
    outputs["default"] = outputs["pooled_output"]
    return tf_keras.Model(inputs, outputs, name="bert")


@contextlib.contextmanager
def _stateless_dropout() -> Iterator[None]:
    """Layers made inside keep no random state in variables, which would become part of the module."""
    random = tf_keras.backend.experimental
    before = random.is_tf_random_generator_enabled()
    random.disable_tf_random_generator()
    try:
        yield
    finally:
        if before:
            random.enable_tf_random_generator()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # Keras warns about hundreds of inner functions that it does not save, and about metrics of a model that has none.
    levels = {logger: logger.level for logger in (logging.get_absl_logger(), tf.get_logger())}
    for logger in levels:
        logger.setLevel("ERROR")
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
