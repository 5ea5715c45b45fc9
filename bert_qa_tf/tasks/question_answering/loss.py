"""Computes the loss of each window; the training loop weights the losses and averages them over a step."""

from __future__ import annotations

import tensorflow as tf


def span_loss(
    start_logits: tf.Tensor, end_logits: tf.Tensor, start_positions: tf.Tensor, end_positions: tf.Tensor
) -> tf.Tensor:
    """Computes the mean of the cross-entropies of the answer's start and end (BERT's SQuAD loss), in float32.

    Args:
      start_logits: `<float>[batch, seq_length]`.
      end_logits: `<float>[batch, seq_length]`.
      start_positions: `<int32>[batch]`, the answer's first token; 0 if the window does not contain the answer.
      end_positions: `<int32>[batch]`, its last token, inclusive.

    Returns:
      `<float32>[batch]`: the loss of each example.
    """
    start_loss = tf.nn.sparse_softmax_cross_entropy_with_logits(start_positions, tf.cast(start_logits, tf.float32))
    end_loss = tf.nn.sparse_softmax_cross_entropy_with_logits(end_positions, tf.cast(end_logits, tf.float32))
    return (start_loss + end_loss) / 2.0
