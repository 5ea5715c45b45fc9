"""Reads Google's BERT checkpoint folders: `bert_config.json`, `vocab.txt` and `bert_model.ckpt.*`.

There are two forms. google-research/bert published TensorFlow 1 checkpoints, with names such as
`bert/encoder/layer_0/output/dense/kernel`. tf-models-official published TensorFlow 2 checkpoints, which its converter
writes too; they hold the object graph of an encoder or of a `BertPretrainerV2`.

`bert_config.json` leaves two things to the code that goes with it. In both code bases "gelu" is the tanh approximation
(`modeling.gelu` of google-research/bert, `official.modeling.activations.gelu`), while in Hugging Face's it is the exact
function, and the layer norms' epsilon is 1e-12.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import tensorflow as tf
from absl import logging
from google.protobuf import message
from tensorflow.core.protobuf import trackable_object_graph_pb2

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.encoders.sources import bert_config, word_pieces
from bert_qa_tf.encoders.sources.weights import (
    PretrainedEncoder,
    canonical_name,
    canonical_shapes,
    check_left_over,
    check_weights,
    flatten,
    has_pooler,
    listed,
)
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import protos
from bert_qa_tf.text.tokenization import BertTokenizer

CONFIG_FILE = "bert_config.json"
_CHECKPOINT = "bert_model.ckpt"
_ACTIVATIONS = {"gelu": "gelu_tanh", "relu": "relu"}
_LAYER_NORM_EPSILON = 1e-12

_OBJECT_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "VARIABLE_VALUE"
# Not weights of an encoder: heads of pre-training and fine-tuning, counters, the state of optimizers and of dropout.
_KNOWN_EXTRAS = re.compile(
    r"(?:^|/)cls/|(?:^|/)predictions/|(?:^|/)next_sentence/|^output_(?:weights|bias)$"
    r"|(?:^|/)(?:global_step|save_counter|beta[12]_power)$|/(?:adam|lamb)_[mv]$|/Adam(?:WeightDecay\w*)?(?:_1)?$|/StateVar$"
)


def read_google_checkpoint(folder: str, *, do_lower_case: bool | None = None) -> PretrainedEncoder:
    """Reads a BERT encoder from a checkpoint folder of either TensorFlow.

    Args:
      folder: the folder; may be remote.
      do_lower_case: the casing of the vocabulary; None to find it out, see `casing.find_casing`.

    Returns:
      The encoder. It has no pooler where the checkpoint has none.

    Raises:
      InputError: a file is missing or damaged, this is no BERT, the weights do not fit its config, or its casing
        cannot be told.
    """
    config = _read_config(folder)
    prefix = _find_checkpoint(folder)
    try:
        # Not tf.train.load_checkpoint, which takes a prefix for a folder on some file systems.
        reader = tf.compat.v1.train.NewCheckpointReader(prefix)
        read_names = _names_in_objects if reader.has_tensor(_OBJECT_GRAPH_KEY) else _names_in_tensorflow_1
        names = read_names(reader, prefix)
        arrays, skipped = _read_arrays(reader, names, prefix)
    except (tf.errors.OpError, message.DecodeError, IndexError, RuntimeError) as error:
        raise InputError(f"{prefix}: cannot read this checkpoint ({_first_line(error)})") from error
    config = dataclasses.replace(config, has_pooler=has_pooler(arrays))
    weights = {name: _flatten(name, array, config.num_attention_heads, prefix) for name, array in arrays.items()}
    if skipped:
        logging.info("%s: not part of the encoder, skipped: %s", prefix, listed(skipped))
    check_weights(weights, canonical_shapes(config), prefix)
    tokenizer = word_pieces.read_tokenizer(folder, config.vocab_size, do_lower_case)
    return PretrainedEncoder(config, weights, tokenizer, source=folder, skipped=skipped)


def read_tokenizer(folder: str, do_lower_case: bool | None = None) -> BertTokenizer:
    """Reads the tokenizer of a checkpoint folder, and of its weights nothing; arguments as `read_google_checkpoint`'s.

    Raises:
      InputError: `bert_config.json` or `vocab.txt` is missing or damaged, or the casing cannot be told.
    """
    return word_pieces.read_tokenizer(folder, _read_config(folder).vocab_size, do_lower_case)


def _read_config(folder: str) -> EncoderConfig:
    """The architecture that the folder states. Whether it has a pooler only the checkpoint shows."""
    path = tf.io.gfile.join(folder, CONFIG_FILE)
    return bert_config.read_config(path, activations=_ACTIVATIONS, layer_norm_epsilon=_LAYER_NORM_EPSILON)


def _find_checkpoint(folder: str) -> str:
    """The prefix of the folder's one checkpoint, or of the one that it calls the latest."""
    usual = tf.io.gfile.join(folder, _CHECKPOINT)
    if tf.io.gfile.exists(f"{usual}.index"):
        return usual
    latest = tf.train.latest_checkpoint(folder)
    if latest is not None:
        return latest
    found = sorted(tf.io.gfile.glob(tf.io.gfile.join(folder, "*.index")))
    if len(found) != 1:
        names = ", ".join(path.rpartition("/")[2] for path in found) or "none"
        raise InputError(f"{folder}: expected {_CHECKPOINT}.index or one other checkpoint, found {names}")
    return found[0].removesuffix(".index")


def _names_in_tensorflow_1(reader: tf.compat.v1.train.NewCheckpointReader, prefix: str) -> dict[str, str]:
    """The checkpoint's key of every variable → its name."""
    return {key: key for key in reader.get_variable_to_shape_map()}


def _names_in_objects(reader: tf.compat.v1.train.NewCheckpointReader, prefix: str) -> dict[str, str]:
    """The checkpoint's key of every variable that is not an optimizer's → the name it had in the program."""
    graph = protos.parse(
        trackable_object_graph_pb2.TrackableObjectGraph, reader.get_tensor(_OBJECT_GRAPH_KEY), prefix, "checkpoint"
    )
    names, seen, waiting = {}, {0}, [0]
    # From the root along the attributes: an optimizer's copies of a variable can have that variable's name in theirs.
    while waiting:
        node = graph.nodes[waiting.pop()]
        names |= {value.checkpoint_key: value.full_name for value in node.attributes if value.name == _VALUE}
        below = {child.node_id for child in node.children if child.local_name != "optimizer"} - seen
        seen |= below
        waiting.extend(sorted(below))
    return names


def _read_arrays(
    reader: tf.compat.v1.train.NewCheckpointReader, names: dict[str, str], prefix: str
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Canonical name → array as stored, and the names that are known to be something else."""
    arrays: dict[str, np.ndarray] = {}
    skipped, unknown = [], []
    for key, variable_name in sorted(names.items()):
        name = _canonical_name(variable_name)
        if _KNOWN_EXTRAS.search(variable_name):
            skipped.append(variable_name)
        elif name is None:
            unknown.append(variable_name)
        elif name in arrays:
            raise InputError(f"{prefix}: two variables of this checkpoint are {name}, one of them {variable_name!r}")
        else:
            arrays[name] = reader.get_tensor(key)
    check_left_over(unknown, prefix)
    return arrays, tuple(skipped)


def _canonical_name(variable_name: str) -> str | None:
    if variable_name.startswith("bert/"):
        # TensorFlow 1's names are where the canonical ones come from.
        original = variable_name.removeprefix("bert/")
        if original.startswith(("embeddings/", "encoder/", "pooler/")):
            return original
    return canonical_name(variable_name)


def _flatten(name: str, array: np.ndarray, heads: int, prefix: str) -> np.ndarray:
    """The array in its canonical shape; heads that the array shows must be those that the config states."""
    if "/attention/self/" in name and name.endswith("/kernel") and array.ndim == 3 and array.shape[1] != heads:
        raise InputError(
            f"{prefix}: {name} is for {array.shape[1]} heads, {CONFIG_FILE} states num_attention_heads={heads}"
        )
    return flatten(name, array).astype(np.float32)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
