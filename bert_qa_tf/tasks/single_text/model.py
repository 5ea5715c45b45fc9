"""Builds models of one text: an encoder with a head on its output for the whole text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import tensorflow as tf
import tf_keras

from bert_qa_tf.encoders import inference
from bert_qa_tf.tasks.single_text.features import TEXT_FEATURES

# The name of the head among the model's layers.
HEAD_NAME = "head"
# How the vectors of a text's tokens become one vector.
Pooling = Literal["pooler", "mean"]


def sentence_output(encoded: Mapping[str, tf.Tensor], input_mask: tf.Tensor, pooling: Pooling) -> tf.Tensor:
    """Computes one vector for a whole text from an encoder's outputs.

    Args:
      encoded: the encoder's outputs.
      input_mask: `<int32>[batch, seq_length]`, 1 where a token is.
      pooling: "pooler" for `pooled_output`, as in BERT's recipe (for an encoder without a pooler, `sequence_output` at
        `[CLS]`); "mean" for the mean of `sequence_output` over the text's tokens, which suits encoders that were
        trained with mean pooling to embed sentences, such as MiniLM.

    Returns:
      `<float>[batch, hidden_size]`.
    """
    if pooling == "mean":
        # In float32, because this is a sum of hundreds of values.
        weights = tf.cast(input_mask, tf.float32)[:, :, tf.newaxis]
        total = tf.reduce_sum(tf.cast(encoded["sequence_output"], tf.float32) * weights, axis=1)
        # A row that fills a batch has no token: it gives 0, not NaN, which no weight of 0 would take away.
        return total / tf.maximum(tf.reduce_sum(weights, axis=1), 1.0)
    if "pooled_output" in encoded:
        return encoded["pooled_output"]
    return encoded["sequence_output"][:, 0]


def build_text_model(
    encoder: tf_keras.layers.Layer,
    head: tf_keras.layers.Layer,
    pooling: Pooling = "pooler",
    name: str = "text_model",
) -> tf_keras.Model:
    """Puts a head on `encoder`.

    Args:
      encoder: takes a dict of `input_word_ids`, `input_mask` and `input_type_ids` and returns a dict with
        `pooled_output`, `<float>[batch, hidden_size]`, or `sequence_output`, `<float>[batch, seq_length, hidden_size]`.
      head: a layer named `HEAD_NAME` that maps `<float>[batch, hidden_size]` to a dict of outputs, `[batch, …]` each.
      pooling: see `sentence_output`.
      name: the name of the model.

    Returns:
      A functional model for any batch size and sequence length, from the three inputs, each
      `<int32>[batch, seq_length]`, to the head's outputs.
    """
    inputs = {
        spec.name: tf_keras.Input((None,), dtype=spec.dtype, name=spec.name)
        for spec in TEXT_FEATURES
        if spec.role == "input"
    }
    sentences = sentence_output(encoder(inputs), inputs["input_mask"], pooling)
    return tf_keras.Model(inputs, head(sentences), name=name)


def inference_function(model: tf_keras.Model, pooling: Pooling = "pooler") -> inference.InferenceFunction:
    """Returns the function that computes a model's outputs in a graph; see `encoders.inference`.

    Args:
      model: see `build_text_model`.
      pooling: the pooling that the model was built with.
    """

    def apply_head(
        head: tf_keras.layers.Layer, encoded: Mapping[str, tf.Tensor], inputs: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        return head(sentence_output(encoded, inputs["input_mask"], pooling), training=False)

    return inference.inference_function(model, HEAD_NAME, apply_head)
