"""Builds the classification model: an encoder with a dense layer on its pooled output."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from bert_qa_tf.tasks.single_text.model import HEAD_NAME, Pooling, build_text_model

# The dropout rate of BERT's `run_classifier`.
DROPOUT = 0.1


class ClassificationHead(tf_keras.layers.Layer):
    """Scores each class by dropout and one dense layer (BERT's classification head).

    It computes in float32 under any precision policy, like the span head. Its dropout is a Keras layer of the model, so
    that `encoders.dropout.use_seeds` reaches it and a resumed training draws the same masks.

    Args:
      num_classes: the number of logits.
      dropout: the dropout rate in training.
      initializer_range: standard deviation of the truncated normal distribution of the initial kernel.
      **kwargs: passed to `tf_keras.layers.Layer`.
    """

    def __init__(
        self, num_classes: int, dropout: float = DROPOUT, initializer_range: float = 0.02, **kwargs: object
    ) -> None:
        super().__init__(dtype="float32", **{key: value for key, value in kwargs.items() if key != "dtype"})
        self.num_classes = num_classes
        self.dropout_rate = dropout
        self.initializer_range = initializer_range
        self.dropout = tf_keras.layers.Dropout(dropout, dtype="float32", name="dropout")
        self.logits = tf_keras.layers.Dense(
            num_classes,
            kernel_initializer=tf_keras.initializers.TruncatedNormal(stddev=initializer_range),
            dtype="float32",
            name="logits",
        )

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the dense layer's weights for `input_shape`, `[batch, hidden_size]`."""
        self.logits.build(input_shape)
        super().build(input_shape)

    def call(self, sentence_output: tf.Tensor, training: bool | None = None) -> dict[str, tf.Tensor]:
        """Returns the logits of each text.

        Args:
          sentence_output: `<float>[batch, hidden_size]`, from `sentence_output`.
          training: whether to apply dropout.

        Returns:
          `logits`, `<float32>[batch, num_classes]`.
        """
        return {"logits": self.logits(self.dropout(sentence_output, training=training))}

    def get_config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "dropout": self.dropout_rate,
            "initializer_range": self.initializer_range,
        }


def build_classification_model(
    encoder: tf_keras.layers.Layer,
    num_classes: int,
    dropout: float = DROPOUT,
    initializer_range: float = 0.02,
    pooling: Pooling = "pooler",
) -> tf_keras.Model:
    """Puts a classification head on `encoder`.

    Args:
      encoder: see `build_text_model`.
      num_classes: the number of labels.
      dropout: the head's dropout rate in training.
      initializer_range: standard deviation of the head's initial kernel.
      pooling: see `single_text.model.sentence_output`.

    Returns:
      A model from the three inputs, each `<int32>[batch, seq_length]`, to a dict of `logits`,
      `<float32>[batch, num_classes]`. `model.get_layer(name)` returns its layers: the encoder under its own name, and
      the head as `HEAD_NAME`.
    """
    head = ClassificationHead(num_classes, dropout, initializer_range, name=HEAD_NAME)
    return build_text_model(encoder, head, pooling, name="classification_model")
