"""Reads safetensors folders: `config.json`, `model.safetensors` and `vocab.txt`, with Hugging Face's BERT names.

PyTorch is not needed, and nothing is unpickled.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import safetensors
import tensorflow as tf
from absl import logging

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.encoders.sources import bert_config, word_pieces
from bert_qa_tf.encoders.sources.weights import (
    PretrainedEncoder,
    canonical_shapes,
    check_weights,
    has_pooler,
    listed,
)
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files
from bert_qa_tf.text.tokenization import BertTokenizer

WEIGHTS_FILE = "model.safetensors"
_CONFIG_FILE = "config.json"

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
_DTYPES = {"F32": np.float32, "F16": np.float16, "BF16": tf.bfloat16.as_numpy_dtype, "F64": np.float64}
# Theirs → ours: "gelu" is the exact one, unlike in Google's own files.
_ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "relu": "relu"}


def read_safetensors(folder: str, *, do_lower_case: bool | None = None) -> PretrainedEncoder:
    """Reads a BERT encoder from a folder with `config.json`, `model.safetensors` and `vocab.txt`.

    Args:
      folder: the folder; may be remote.
      do_lower_case: the casing of the vocabulary; None to find it out, see `casing.find_casing`.

    Returns:
      The encoder, its kernels turned the way TensorFlow has them, all in float32. It has no pooler where the file has
      none, as those of question-answering models do not.

    Raises:
      InputError: a file is missing or damaged, the architecture is not BERT, the weights do not fit it, or the casing
        cannot be told.
    """
    config = _read_config(folder)
    weights_file = tf.io.gfile.join(folder, WEIGHTS_FILE)
    weights, skipped = _read_tensors(weights_file)
    config = dataclasses.replace(config, has_pooler=has_pooler(weights))
    if skipped:
        logging.info("%s: not part of the encoder, skipped: %s", folder, listed(skipped))
    check_weights(weights, canonical_shapes(config), weights_file)
    tokenizer = word_pieces.read_tokenizer(folder, config.vocab_size, do_lower_case)
    return PretrainedEncoder(config, weights, tokenizer, source=folder, skipped=tuple(skipped))


def read_tokenizer(folder: str, do_lower_case: bool | None = None) -> BertTokenizer:
    """Reads the tokenizer of a safetensors folder, and of its weights nothing; arguments as `read_safetensors`'s.

    Raises:
      InputError: `config.json` or `vocab.txt` is missing or damaged, or the casing cannot be told.
    """
    return word_pieces.read_tokenizer(folder, _read_config(folder).vocab_size, do_lower_case)


def _read_config(folder: str) -> EncoderConfig:
    """The architecture that the folder states. Whether it has a pooler only the tensors show."""
    return bert_config.read_config(tf.io.gfile.join(folder, _CONFIG_FILE), activations=_ACTIVATIONS)


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
    """Canonical name → `<float32>` array, and the names of tensors that are known to be something else."""
    try:
        tensors = safetensors.deserialize(files.read_bytes(path))
    except safetensors.SafetensorError as error:
        raise InputError(f"{path}: this safetensors file is damaged ({error})") from error
    weights: dict[str, np.ndarray] = {}
    skipped = []
    for tensor_name, tensor in tensors:
        if _KNOWN_EXTRAS.search(tensor_name):
            skipped.append(tensor_name)
            continue
        if tensor["dtype"] not in _DTYPES:
            raise InputError(f"{path}: {tensor_name} is {tensor['dtype']}, expected one of {', '.join(_DTYPES)}")
        name = canonical_name(tensor_name)
        if name in weights:
            raise InputError(f"{path}: two tensors of this file are {name}, one of them {tensor_name!r}")
        try:
            array = np.frombuffer(tensor["data"], _DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
        except ValueError as error:  # empty in one dimension and immense in another, or of more than 64
            raise InputError(f"{path}: {tensor_name} has the shape {tensor['shape']}, which no array has") from error
        weights[name] = np.ascontiguousarray(array.T if name.endswith("/kernel") else array, np.float32)
    return weights, skipped
