"""Computes the classification loss of each example; the training loop averages it over a step."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def classification_loss(
    logits: tf.Tensor, labels: tf.Tensor, class_weights: Sequence[float] | None = None
) -> tf.Tensor:
    """Computes the cross-entropy of the label, in float32, times the weight of its class.

    Training divides the sum of these losses by the number of examples, as Keras does. PyTorch divides by the sum of the
    weights, so the same weights give a different loss there.

    Args:
      logits: `<float>[batch, num_classes]`.
      labels: `<int32>[batch]`, the indices of the labels.
      class_weights: a number for each class, from `labels.class_weights`; None if all are 1.

    Returns:
      `<float32>[batch]`: the loss of each example.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32))
    if class_weights is None:
        return losses
    return losses * tf.gather(tf.constant(class_weights, tf.float32), labels)
