"""Reader of a safetensors folder: `config.json`, `model.safetensors`, `vocab.txt`, with Hugging Face's BERT names.

What goes in: a folder. What comes out: a `PretrainedEncoder`. PyTorch is not needed, and nothing is unpickled.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import tensorflow as tf

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.models.pretrained.weights import PretrainedEncoder, read_vocab

# PyTorch keeps kernels as [outputs, inputs]: they are transposed. Embedding tables are as in TensorFlow.
_LAYER_NAMES = (
    (re.compile(r"LayerNorm\.(?:weight|gamma)$"), "LayerNorm/gamma"),
    (re.compile(r"LayerNorm\.(?:bias|beta)$"), "LayerNorm/beta"),
    (re.compile(r"_embeddings\.weight$"), "_embeddings"),
    (re.compile(r"\.weight$"), "/kernel"),
    (re.compile(r"\.bias$"), "/bias"),
)
_LAYER_INDEX = re.compile(r"^encoder\.layer\.(\d+)\.")
# Not weights of an encoder: a buffer that counts positions, and the pre-training heads.
_KNOWN_EXTRAS = re.compile(r"(?:^|\.)position_ids$|^cls\.|^qa_outputs\.|^classifier\.")
_ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "relu": "relu"}


def read_safetensors(folder: str, *, do_lower_case: bool | None = None) -> PretrainedEncoder:
    """Reads a BERT encoder from a folder with `config.json`, `model.safetensors` and `vocab.txt`.

    Args:
      folder: the folder; may be remote.
      do_lower_case: the casing of the vocabulary; None for what the folder's `tokenizer_config.json` says.

    Returns:
      The encoder, its kernels turned the way TensorFlow has them.

    Raises:
      InputError: a file is missing or damaged, the architecture is not BERT, or the weights do not fit it.
    """
    config_file = tf.io.gfile.join(folder, "config.json")
    config = _encoder_config(_read_json(config_file), config_file)
    weights, skipped = _read_tensors(tf.io.gfile.join(folder, "model.safetensors"))
    if do_lower_case is None:
        do_lower_case = _read_json(tf.io.gfile.join(folder, "tokenizer_config.json")).get("do_lower_case")
        if do_lower_case is None:
            raise InputError(f"{folder}: tokenizer_config.json does not state do_lower_case")
    return PretrainedEncoder(
        config=config,
        weights=weights,
        vocab=read_vocab(tf.io.gfile.join(folder, "vocab.txt")),
        do_lower_case=bool(do_lower_case),
        source=folder,
        skipped=tuple(skipped),
    )


def canonical_name(tensor_name: str) -> str:
    """The canonical name of a tensor of Hugging Face's `BertModel`.

    >>> canonical_name("encoder.layer.0.attention.self.query.weight")
    'encoder/layer_0/attention/self/query/kernel'
    """
    name = _LAYER_INDEX.sub(r"encoder/layer_\1/", tensor_name.removeprefix("bert."))
    for pattern, replacement in _LAYER_NAMES:
        name, found = pattern.subn(replacement, name)
        if found:
            break
    return name.replace(".", "/")


def _read_tensors(path: str) -> tuple[dict[str, np.ndarray], list[str]]:
    try:
        tensors = safetensors.numpy.load(_read_bytes(path))
    except safetensors.SafetensorError as error:
        raise InputError(f"{path}: this safetensors file is damaged ({error})") from error
    weights, skipped = {}, []
    for tensor_name, tensor in tensors.items():
        if _KNOWN_EXTRAS.search(tensor_name):
            skipped.append(tensor_name)
            continue
        name = canonical_name(tensor_name)
        array = tensor.T if name.endswith("/kernel") else tensor
        weights[name] = np.ascontiguousarray(array, np.float32)
    return weights, skipped


def _encoder_config(stated: dict[str, Any], path: str) -> EncoderConfig:
    if stated.get("model_type", "bert") != "bert":
        raise InputError(f"{path}: expected a BERT model, got model_type {stated['model_type']!r}")
    if stated.get("position_embedding_type", "absolute") != "absolute":
        raise InputError(f"{path}: expected absolute positions, got {stated['position_embedding_type']!r}")
    if stated.get("hidden_act") not in _ACTIVATIONS:
        raise InputError(
            f"{path}: expected hidden_act to be one of {', '.join(_ACTIVATIONS)}, got {stated.get('hidden_act')!r}"
        )
    try:
        return EncoderConfig(
            vocab_size=stated["vocab_size"],
            hidden_size=stated["hidden_size"],
            num_layers=stated["num_hidden_layers"],
            num_attention_heads=stated["num_attention_heads"],
            intermediate_size=stated["intermediate_size"],
            hidden_act=_ACTIVATIONS[stated["hidden_act"]],
            layer_norm_epsilon=stated["layer_norm_eps"],
            max_position_embeddings=stated["max_position_embeddings"],
            type_vocab_size=stated["type_vocab_size"],
            hidden_dropout=stated.get("hidden_dropout_prob", 0.1),
            attention_dropout=stated.get("attention_probs_dropout_prob", 0.1),
            initializer_range=stated.get("initializer_range", 0.02),
        )
    except KeyError as error:
        raise InputError(f"{path}: {error.args[0]} is missing") from error


def _read_json(path: str) -> dict[str, Any]:
    try:
        value = json.loads(_read_bytes(path))
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def _read_bytes(path: str) -> bytes:
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            return file.read()
    except tf.errors.OpError as error:
        raise InputError(f"{path}: cannot read this file ({error.message.splitlines()[0]})") from error
