"""Builds the BERT encoder, tf-models-official's `BertEncoderV2`, exactly as an `EncoderConfig` states it.

The encoder is a functional `tf_keras.Model` of the three `input_*` tensors. `sources.weights` assigns pretrained
weights to it; each task brings its own head.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf
import tf_keras
from official.nlp.modeling import networks

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.errors import InputError

INPUT_NAMES = ("input_word_ids", "input_mask", "input_type_ids")


@tf.custom_gradient
def gelu(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """The exact GELU, x·Φ(x), Φ being the normal distribution's cumulative function (arXiv:1606.08415).

    Automatic differentiation would keep four tensors of the widest layer for the backward pass; this keeps `x` alone
    and computes Φ(x) again.

    Args:
      x: `<float>[..., intermediate_size]`.

    Returns:
      x·Φ(x), of the same shape and dtype, and the function that computes its gradient.
    """

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        cumulative = 0.5 * (1.0 + tf.math.erf(x * math.sqrt(0.5)))
        density = tf.exp(-0.5 * tf.square(x)) * (1.0 / math.sqrt(2.0 * math.pi))
        return upstream * (cumulative + x * density)

    return tf.nn.gelu(x, approximate=False), gradient


def plain_gelu(x: tf.Tensor) -> tf.Tensor:
    """The exact GELU with TensorFlow's own gradient; the same values as `gelu`.

    Args:
      x: `<float>[..., intermediate_size]`.

    Returns:
      x·Φ(x), of the same shape and dtype.
    """
    return tf.nn.gelu(x, approximate=False)


def gelu_tanh(x: tf.Tensor) -> tf.Tensor:
    """The tanh approximation of the GELU, which the original BERT checkpoints were trained with.

    Args:
      x: `<float>[..., intermediate_size]`.

    Returns:
      0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))), of the same shape and dtype.
    """
    return tf.nn.gelu(x, approximate=True)


# By name and not as functools.partial: BertEncoderV2 puts the activation's name into its config.
ACTIVATIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "relu": tf_keras.activations.relu,
}


def build_encoder(
    config: EncoderConfig, *, name: str = "encoder", random_weights: bool = True, recompute_gelu: bool = True
) -> tf_keras.Model:
    """Builds a BERT encoder.

    Matrix products follow the Keras precision policy in force; layer norms stay float32, and so do all variables.
    Variables are made in the distribution strategy in force.

    Args:
      config: the architecture.
      name: of the model; the first part of its variables' names.
      random_weights: whether kernels start as `config.initializer_range` says. False starts them at zero, which is
        quicker where weights are assigned right after and leaves the random state alone.
      recompute_gelu: compute the exact GELU again in the backward pass instead of keeping its parts. False for what is
        saved for others to load: a SavedModel cannot hold a gradient of ours without a warning at each load.

    Returns:
      A model of a dict of `input_word_ids`, `input_mask` and `input_type_ids`, each `<int32>[batch, seq_length]`, to a
      dict of `sequence_output: <float32>[batch, seq_length, hidden_size]`, `pooled_output: <float>[batch, hidden_size]`
      (unless the config has no pooler) and `encoder_outputs`, the list of every layer's output.

    Raises:
      InputError: the config names an activation that is not one of `ACTIVATIONS`.
    """
    if config.hidden_act not in ACTIVATIONS:
        raise InputError(
            f"encoder config: hidden_act must be one of {', '.join(ACTIVATIONS)}, got {config.hidden_act!r}"
        )
    activation = ACTIVATIONS[config.hidden_act]
    if activation is gelu and not recompute_gelu:
        activation = plain_gelu
    bert = networks.BertEncoderV2(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_layers=config.num_layers,
        num_attention_heads=config.num_attention_heads,
        max_sequence_length=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
        inner_dim=config.intermediate_size,
        inner_activation=activation,
        output_dropout=config.hidden_dropout,
        attention_dropout=config.attention_dropout,
        initializer=tf_keras.initializers.TruncatedNormal(stddev=config.initializer_range)
        if random_weights
        else tf_keras.initializers.Zeros(),
        name=name,
    )
    if not config.has_pooler:
        # BertEncoderV2 has no argument for it. In its place a layer without weights, whose output is dropped below.
        bert._pooler_layer = tf_keras.layers.Activation("linear")
    inputs = {key: tf_keras.Input((None,), dtype=tf.int32, name=key) for key in INPUT_NAMES}
    bert(inputs)  # makes the blocks' layers
    _set_layer_norm_epsilon(bert, config.layer_norm_epsilon)
    outputs = bert(inputs)
    if not config.has_pooler:
        outputs = {key: output for key, output in outputs.items() if key != "pooled_output"}
    return tf_keras.Model(inputs, outputs, name=name)


def parameter_count(encoder: tf_keras.Model) -> int:
    """The number of weights of `encoder`, trainable or frozen."""
    return sum(math.prod(weight.shape) for weight in encoder.weights)


def _set_layer_norm_epsilon(bert: networks.BertEncoderV2, epsilon: float) -> None:
    # BertEncoderV2 has no argument for it. A layer norm reads the attribute each time it is called.
    norms = [layer for layer in bert.submodules if isinstance(layer, tf_keras.layers.LayerNormalization)]
    expected = 1 + 2 * len(bert.transformer_layers)
    if len(norms) != expected:
        raise AssertionError(f"expected {expected} layer norms in the encoder, found {len(norms)}")
    for norm in norms:
        norm.epsilon = epsilon
