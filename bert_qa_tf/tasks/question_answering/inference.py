"""Provides the forward pass of a span model as it is served."""

from __future__ import annotations

import tf_keras

from bert_qa_tf.encoders import inference
from bert_qa_tf.tasks.question_answering.span_model import HEAD_NAME


def inference_function(model: tf_keras.Model) -> inference.InferenceFunction:
    """Returns the function that computes a span model's logits in a graph; see `encoders.inference`.

    Args:
      model: see `span_model.build_span_model`.

    Returns:
      A function from the three inputs to `start_logits` and `end_logits`, each `<float32>[batch, seq_length]`.
    """
    return inference.inference_function(
        model,
        HEAD_NAME,
        lambda head, encoded, inputs: head(encoded["sequence_output"], input_mask=inputs["input_mask"]),
    )
