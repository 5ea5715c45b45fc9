"""Computes a model's forward pass faster than Keras does, for serving, with the same outputs but for rounding.

Keras writes attention as einsums over four axes and dense layers over three, which TensorFlow's graph optimizer does
not fuse. Here all tokens are rows of one matrix. So each dense layer is one product with its bias, and with its GELU or
its residual, fused into it (`_FusedMatMul`), and attention is two batched products. Queries, keys and values are one
product too, because three small ones do not fill the cores and slow each other down. All ops are plain: a runtime that
does not fuse them runs them one by one.

Only float32 models are rewritten. In half precision, fused ops skip the rounding between them, and the outputs would
differ by as much as that rounding does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
import tf_keras
from official.nlp.modeling import networks

from bert_qa_tf.encoders.encoder import gelu, plain_gelu
from bert_qa_tf.encoders.sources.weights import variables_by_name

_Tensors = Mapping[str, tf.Tensor]
# A head, the encoder's outputs and the model's inputs → the model's outputs.
ApplyHead = Callable[[tf_keras.layers.Layer, _Tensors, _Tensors], dict[str, tf.Tensor]]
# Added to attention's score of what must not be seen; its exponential is 0.
_HIDDEN = -1e9
# What attention needs of each token, in the order in which `_Forward` has it.
_PROJECTIONS = ("query", "key", "value")
# What `BertEncoderV2` can be built with and `encoder.build_encoder` does not use.
_UNUSED_OPTIONS = {
    "norm_first": False,
    "output_range": None,
    "embedding_layer": None,
    "with_dense_inputs": False,
    "return_attention_scores": False,
    "return_word_embeddings": False,
}


class InferenceFunction(tf.Module):
    """What `inference_function` returns. Its `variables` are all that it reads, and all that a SavedModel must hold."""

    def __call__(self, inputs: _Tensors) -> dict[str, tf.Tensor]:
        """Computes the model's outputs; see `inference_function`."""
        raise NotImplementedError


def inference_function(model: tf_keras.Model, head_name: str, apply_head: ApplyHead) -> InferenceFunction:
    """The function that computes a model's outputs, for use in a graph.

    Args:
      model: an encoder with one head. One that computes in half precision, or whose encoder is not of
        `encoder.build_encoder` (a TF-Hub module used as it is), is called as it is.
      head_name: the name of the head, a layer of the model.
      apply_head: calls the head as the model does.

    Returns:
      A function of a dict of `input_word_ids`, `input_mask` and `input_type_ids`, each `<int32>[batch, seq_length]`, to
      the model's outputs. Made when training has ended: of weights that it joins it has copies.
    """
    layers = model.submodules if isinstance(model, tf_keras.Model) else ()
    encoders = [layer for layer in layers if isinstance(layer, networks.BertEncoderV2)]
    heads = [layer for layer in layers if layer.name == head_name]
    if len(encoders) == len(heads) == 1 and _is_plain(encoders[0]):
        return _FastModel(encoders[0], heads[0], apply_head)
    return _AsItIs(model)


def _is_plain(bert: networks.BertEncoderV2) -> bool:
    config = bert.get_config()
    is_as_built = all(config[name] == value for name, value in _UNUSED_OPTIONS.items())
    is_float32 = {layer.compute_dtype for layer in bert.transformer_layers} == {"float32"}
    has_one_width = config["embedding_width"] == config["hidden_size"]
    return is_as_built and is_float32 and has_one_width and len(_epsilons(bert)) == 1


def _epsilons(bert: networks.BertEncoderV2) -> set[float]:
    return {layer.epsilon for layer in bert.submodules if isinstance(layer, tf_keras.layers.LayerNormalization)}


class _AsItIs(InferenceFunction):
    """Calls the model."""

    def __init__(self, model: tf_keras.Model) -> None:
        super().__init__()
        # The variables alone are tracked. Tracking the Keras model would write each of its layers into a SavedModel,
        # with functions of its own for training and inference.
        self._weights = list(model.variables)
        self._call = lambda inputs: model(inputs, training=False)

    def __call__(self, inputs: _Tensors) -> dict[str, tf.Tensor]:
        """See `InferenceFunction`."""
        return self._call(inputs)


class _FastModel(InferenceFunction):
    """A plain encoder's fast forward pass with a head on it."""

    def __init__(self, bert: networks.BertEncoderV2, head: tf_keras.layers.Layer, apply_head: ApplyHead) -> None:
        super().__init__()
        self._encoder = FastEncoder(bert)
        # As in `_AsItIs`: the variables are tracked, the layer is not.
        self._head_weights = list(head.variables)
        self._apply_head = lambda encoded, inputs: apply_head(head, encoded, inputs)

    def __call__(self, inputs: _Tensors) -> dict[str, tf.Tensor]:
        """See `InferenceFunction`."""
        return self._apply_head(self._encoder(inputs), inputs)


class FastEncoder(tf.Module):
    """The forward pass of one plain float32 encoder."""

    def __init__(self, bert: networks.BertEncoderV2) -> None:
        super().__init__()
        self._weights = _join_projections(variables_by_name(bert))
        self._num_layers = len(bert.transformer_layers)
        self._num_heads = bert.get_config()["num_attention_heads"]
        [self._epsilon] = _epsilons(bert)
        activation = bert.transformer_layers[0]._intermediate_activation_layer.activation
        # Of the one that computes its gradient anew, only the values are wanted.
        self._activation = plain_gelu if activation is gelu else activation

    def __call__(self, inputs: _Tensors) -> dict[str, tf.Tensor]:
        """Encodes a batch.

        Args:
          inputs: `input_word_ids`, `input_mask` and `input_type_ids`, each `<int32>[batch, seq_length]`.

        Returns:
          `sequence_output`, `<float32>[batch, seq_length, hidden_size]`, and `pooled_output`,
          `<float32>[batch, hidden_size]`, where the encoder has a pooler.
        """
        shape = tf.shape(inputs["input_word_ids"])
        is_token = tf.cast(inputs["input_mask"], tf.bool)
        bias = tf.where(is_token, 0.0, _HIDDEN)[:, None, None, :]
        rows = self._embed(inputs)
        for index in range(self._num_layers):
            rows = self._block(f"encoder/layer_{index}", rows, bias, shape)
        sequence_output = tf.reshape(rows, [shape[0], shape[1], rows.shape[-1]])
        outputs = {"sequence_output": sequence_output}
        if "pooler/dense/kernel" in self._weights:
            outputs["pooled_output"] = tf.tanh(self._dense("pooler/dense", sequence_output[:, 0]))
        return outputs

    def _embed(self, inputs: _Tensors) -> tf.Tensor:
        """The sum of the three embeddings, `<float32>[batch * seq_length, hidden_size]`."""
        tables = {name: self._weights[f"embeddings/{name}_embeddings"] for name in ("word", "position", "token_type")}
        words = tf.gather(tables["word"], inputs["input_word_ids"])
        types = tf.gather(tables["token_type"], inputs["input_type_ids"])
        # Not looked up but cut off: beyond the table, on a GPU too, that is an error.
        positions = tables["position"][: tf.shape(words)[1]]
        total = words + positions + types
        return self._norm("embeddings/LayerNorm", tf.reshape(total, [-1, total.shape[-1]]))

    def _block(self, name: str, rows: tf.Tensor, bias: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
        """One transformer block.

        Args:
          name: of the block, the first part of its weights' canonical names.
          rows: `<float32>[batch * seq_length, hidden_size]`.
          bias: `<float32>[batch, 1, 1, seq_length]`, added to attention's scores.
          shape: batch and seq_length.

        Returns:
          `<float32>[batch * seq_length, hidden_size]`.
        """
        attended = self._dense(f"{name}/attention/output/dense", self._attend(name, rows, bias, shape))
        rows = self._norm(f"{name}/attention/output/LayerNorm", attended + rows)
        inner = self._activation(self._dense(f"{name}/intermediate/dense", rows))
        return self._norm(f"{name}/output/LayerNorm", self._dense(f"{name}/output/dense", inner) + rows)

    def _attend(self, name: str, rows: tf.Tensor, bias: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
        """What each token takes from those of its window, all heads: `<float32>[batch * seq_length, hidden_size]`."""
        hidden_size = rows.shape[-1]
        head_size = hidden_size // self._num_heads
        by_head = tf.concat([shape, [len(_PROJECTIONS), self._num_heads, head_size]], axis=0)
        projected = tf.reshape(self._dense(f"{name}/attention/self", rows), by_head)
        # <float32>[batch, heads, seq_length, head_size] each
        query, key, value = tf.unstack(tf.transpose(projected, [2, 0, 3, 1, 4]), len(_PROJECTIONS))
        query *= 1.0 / math.sqrt(head_size)
        scores = tf.matmul(query, key, transpose_b=True) + bias  # [batch, heads, seq_length, seq_length]
        taken = tf.matmul(tf.nn.softmax(scores), value)
        return tf.reshape(tf.transpose(taken, [0, 2, 1, 3]), [-1, hidden_size])

    def _dense(self, name: str, rows: tf.Tensor) -> tf.Tensor:
        kernel, bias = self._weights[f"{name}/kernel"], self._weights[f"{name}/bias"]
        # That of attention's output has an axis of heads, which lies beside the hidden one.
        return tf.nn.bias_add(tf.matmul(rows, tf.reshape(kernel, [rows.shape[-1], -1])), bias)

    def _norm(self, name: str, rows: tf.Tensor) -> tf.Tensor:
        # Two ops spread a column over a matrix, which takes a CPU as long as all the others; `tf.nn.moments` and
        # `tf.nn.batch_normalization` have four.
        centered = rows - tf.reduce_mean(rows, axis=1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centered), axis=1, keepdims=True)
        gamma, beta = self._weights[f"{name}/gamma"], self._weights[f"{name}/beta"]
        return tf.nn.bias_add(centered * tf.math.rsqrt(variance + self._epsilon) * gamma, beta)


def _join_projections(weights: Mapping[str, tf.Variable]) -> dict[str, tf.Variable]:
    """Puts those of query, key and value, which have an axis of heads, side by side in one kernel and one bias."""
    joined = dict(weights)
    for name in [name.removesuffix("/query/bias") for name in weights if name.endswith("/attention/self/query/bias")]:
        kernels, biases = (
            [joined.pop(f"{name}/{part}/{what}").numpy() for part in _PROJECTIONS] for what in ("kernel", "bias")
        )
        kernel = np.concatenate([kernel.reshape(len(kernel), -1) for kernel in kernels], axis=1)
        bias = np.concatenate([bias.ravel() for bias in biases])
        joined[f"{name}/kernel"] = tf.Variable(kernel, trainable=False, name=f"{name}/kernel")
        joined[f"{name}/bias"] = tf.Variable(bias, trainable=False, name=f"{name}/bias")
    return joined
