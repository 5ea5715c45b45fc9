"""Builds the span model: an encoder with a span head on top.

The result is a plain `tf_keras.Model` that can be called, trained with `fit` and saved. The loss is in `loss.py`.
"""

from __future__ import annotations

import tf_keras

from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.span_head import SpanHead

# The outputs of a span model, which are also those of the `serve_ids` signature.
SPAN_OUTPUTS = ("start_logits", "end_logits")
# The name of the head among the model's layers.
HEAD_NAME = "span_head"


def build_span_model(encoder: tf_keras.layers.Layer, initializer_range: float = 0.02) -> tf_keras.Model:
    """Puts a span head on `encoder`.

    Args:
      encoder: takes a dict of the input features of `features.QA_FEATURES` and returns a dict with
        `sequence_output`, `<float>[batch, seq_length, hidden_size]`.
      initializer_range: standard deviation of the head's initial kernel.

    Returns:
      A functional model for any batch size and sequence length. Inputs: a dict of `input_word_ids`, `input_mask` and
      `input_type_ids`, each `<int32>[batch, seq_length]`. Outputs: a dict of `start_logits` and `end_logits`, each
      `<float32>[batch, seq_length]`, very low at padded positions. `model.get_layer(name)` returns its layers: the
      encoder under its own name, and the head as `span_head`.
    """
    inputs = {
        spec.name: tf_keras.Input((None,), dtype=spec.dtype, name=spec.name)
        for spec in QA_FEATURES
        if spec.role == "input"
    }
    sequence_output = encoder(inputs)["sequence_output"]
    head = SpanHead(initializer_range, name=HEAD_NAME)
    outputs = head(sequence_output, input_mask=inputs["input_mask"])
    return tf_keras.Model(inputs, outputs, name="span_model")
