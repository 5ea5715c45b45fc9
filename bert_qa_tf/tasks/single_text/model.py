"""A model of one text: an encoder with a head on what it says of the whole text."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf
import tf_keras

from bert_qa_tf.encoders import inference
from bert_qa_tf.tasks.single_text.features import TEXT_FEATURES

# The name of the head among the model's layers.
HEAD_NAME = "head"


def sentence_output(encoded: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """What an encoder says of a whole text.

    Args:
      encoded: the encoder's outputs.

    Returns:
      `<float>[batch, hidden_size]`: `pooled_output`, as in BERT's recipe; of an encoder without a pooler, its
      `sequence_output` at `[CLS]`.
    """
    if "pooled_output" in encoded:
        return encoded["pooled_output"]
    return encoded["sequence_output"][:, 0]


def build_text_model(
    encoder: tf_keras.layers.Layer, head: tf_keras.layers.Layer, name: str = "text_model"
) -> tf_keras.Model:
    """Puts a head on `encoder`.

    Args:
      encoder: takes a dict of `input_word_ids`, `input_mask` and `input_type_ids` and returns a dict with
        `pooled_output`, `<float>[batch, hidden_size]`, or `sequence_output`, `<float>[batch, seq_length, hidden_size]`.
      head: a layer named `HEAD_NAME`, from `<float>[batch, hidden_size]` to a dict of outputs, `[batch, …]` each.
      name: of the model.

    Returns:
      A functional model, of any batch and sequence length, from the three inputs, each `<int32>[batch, seq_length]`,
      to the head's outputs.
    """
    inputs = {
        spec.name: tf_keras.Input((None,), dtype=spec.dtype, name=spec.name)
        for spec in TEXT_FEATURES
        if spec.role == "input"
    }
    return tf_keras.Model(inputs, head(sentence_output(encoder(inputs))), name=name)


def inference_function(model: tf_keras.Model) -> inference.InferenceFunction:
    """The function that computes a model's outputs, for use in a graph; see `encoders.inference`."""
    return inference.inference_function(
        model, HEAD_NAME, lambda head, encoded, _: head(sentence_output(encoded), training=False)
    )
