"""Loads a TF-Hub text encoder to be called and trained as it is, not rebuilt.

The module may have any architecture with the standard inputs and outputs, and the heads stand on it as on a rebuilt
encoder. Its graph stays its own: no precision policy, dropout rate or layer setting reaches it.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf
import tensorflow_hub as hub
import tf_keras

from bert_qa_tf.encoders.encoder import INPUT_NAMES
from bert_qa_tf.encoders.sources import handles, hub_graph, tf_hub
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import saved_model_trust
from bert_qa_tf.text.tokenizer import Tokenizer


@dataclasses.dataclass(frozen=True)
class WrappedEncoder:
    """A module that is to be used as it is, and how to feed it.

    Attributes:
      path: the module's folder; may be remote.
      tokenizer: makes the ids that the module takes.
      source: what it was asked for by, for messages and records.
    """

    path: str
    tokenizer: Tokenizer
    source: str


def load_wrapped_encoder(handle: str, *, do_lower_case: bool | None = None) -> WrappedEncoder:
    """Finds a module and reads its tokenizer; the module itself is loaded when it is built.

    Args:
      handle: a module's folder, address or name; see `handles.find_source`.
      do_lower_case: the casing that is expected, if any is.

    Raises:
      InputError: the handle leads to no TF-Hub module, it has no WordPiece vocabulary (a SentencePiece model is none),
        or its casing is another one; or the module is refused.
    """
    path = handles.find_hub_module(handle)
    saved_model_trust.check(path, handles.address_of(handle))
    tokenizer = hub_graph.read_tokenizer(hub_graph.read_graph(path))
    stated = tokenizer.settings().get("do_lower_case")
    if do_lower_case not in (None, stated):
        raise InputError(f"{handle}: this module states do_lower_case={stated}, but {do_lower_case} was asked for")
    return WrappedEncoder(path, tokenizer, source=handle)


def build_wrapped_encoder(path: str, *, name: str = "encoder") -> tf_keras.Model:
    """Loads a module, trainable, in the strategy in force.

    Args:
      path: the module's folder.
      name: of the model.

    Returns:
      A model of a dict of `input_word_ids`, `input_mask` and `input_type_ids`, each `<int32>[batch, seq_length]`, to a
      dict of `sequence_output: <float32>[batch, seq_length, hidden_size]` and `pooled_output: <float32>[batch,
      hidden_size]`.

    Raises:
      InputError: TensorFlow cannot load the module, it is refused, or its inputs or outputs are not the standard ones.
    """
    saved_model_trust.check(path)
    inputs = {key: tf_keras.Input((None,), dtype=tf.int32, name=key) for key in INPUT_NAMES}
    try:
        outputs = tf_hub.call_module(hub.KerasLayer(path, trainable=True, name="module"), inputs)
    except (ValueError, TypeError, OSError, RuntimeError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: this module cannot be used as a text encoder ({reason})") from error
    return tf_keras.Model(inputs, outputs, name=name)


def check_length(encoder: tf_keras.Model, wrapped: WrappedEncoder, length: int) -> None:
    """Calls the module once with its tokenizer's last id at the longest length, which its tables may be too short for.

    Raises:
      InputError: it does not take that.
    """
    vocab_size = wrapped.tokenizer.vocab_size
    row = tf.fill((1, length), vocab_size - 1)
    try:
        with tf.device("/CPU:0"):  # where an index beyond a table is an error
            encoder(dict(zip(INPUT_NAMES, (row, tf.ones_like(row), tf.zeros_like(row)), strict=True)), training=False)
    except (ValueError, tf.errors.OpError) as error:
        raise InputError(
            f"{wrapped.source}: this module does not take {length} word pieces of its vocabulary of "
            f"{vocab_size}; convert again with a shorter --max_seq_length"
        ) from error
