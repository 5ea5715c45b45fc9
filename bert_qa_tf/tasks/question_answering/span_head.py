"""Defines the head of the span model, which computes float32 logits from an encoder's outputs in any precision."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

# The logit of a padded position. It is far below any real one, yet the sum of two is still an ordinary float32, and
# softmax in float32 gives such a position a probability of exactly 0.
PADDING_LOGIT = -1e9


class SpanHead(tf_keras.layers.Layer):
    """Scores each token as the start and as the end of the answer (BERT's SQuAD head).

    It is one dense layer with two outputs. It computes in float32 under any precision policy, because logits of long
    inputs lie close together, and bfloat16 keeps only about three digits.

    Args:
      initializer_range: standard deviation of the truncated normal distribution of the initial kernel.
      **kwargs: passed to `tf_keras.layers.Layer`.
    """

    def __init__(self, initializer_range: float = 0.02, **kwargs: object) -> None:
        super().__init__(dtype="float32", **{key: value for key, value in kwargs.items() if key != "dtype"})
        self.initializer_range = initializer_range
        self.logits = tf_keras.layers.Dense(
            2,
            kernel_initializer=tf_keras.initializers.TruncatedNormal(stddev=initializer_range),
            dtype="float32",
            name="logits",
        )

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the dense layer's weights for `input_shape`, `[batch, seq_length, hidden_size]`."""
        self.logits.build(input_shape)
        super().build(input_shape)

    def call(self, sequence_output: tf.Tensor, input_mask: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the logits of each token.

        Args:
          sequence_output: `<float>[batch, seq_length, hidden_size]`.
          input_mask: `<int32>[batch, seq_length]`, 1 where a token is.

        Returns:
          `start_logits` and `end_logits`, each `<float32>[batch, seq_length]`, `PADDING_LOGIT` where the mask is 0.
        """
        logits = self.logits(sequence_output)
        is_token = tf.cast(input_mask, tf.bool)
        padding = tf.constant(PADDING_LOGIT, logits.dtype)
        return {
            "start_logits": tf.where(is_token, logits[..., 0], padding),
            "end_logits": tf.where(is_token, logits[..., 1], padding),
        }

    def get_config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {**super().get_config(), "initializer_range": self.initializer_range}
