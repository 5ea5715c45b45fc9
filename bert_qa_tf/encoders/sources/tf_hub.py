"""Reads TF-Hub BERT modules, and checks the encoder that was read against the module's own outputs.

A module is a folder with a SavedModel of TensorFlow 2, as tf-models-official exports it. `handles` downloads modules,
`hub_graph` parses them, and `hub_export` writes new ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub
import tf_keras
from absl import logging

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.encoders import encoder as encoder_lib
from bert_qa_tf.encoders.sources import hub_graph, precision
from bert_qa_tf.encoders.sources.weights import (
    PretrainedEncoder,
    assign_weights,
    canonical_name,
    flatten,
    listed,
)
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import cache, digests, saved_model_trust

# Variables of published modules that are no part of the encoder: the masked-LM head, the two counters or flags, and
# dropout's random state where a program keeps it in variables.
_KNOWN_EXTRAS = re.compile(
    r"(?:^|/)cls/predictions/|(?:^|/)predictions/|^Variable(?:_\d+)?$|^do_lower_case$|^save_counter$"
    r"|dropout(?:_\d+)?/StateVar$"
)

# A right encoder differs by about 3e-6; a wrong epsilon or GELU, or two kernels swapped, by 1e-4 and more.
CHECK_TOLERANCE = 2e-5
_CHECK_SHORT_LENGTH = 16
# Part of the fingerprint under which a passed check is remembered; raise it when the check gets stricter.
_CHECK_VERSION = 1
_WRAP = "; --encoder_mode=wrap trains a module as it is"


def read_hub_module(path: str, *, check: bool = True) -> PretrainedEncoder:
    """Reads a BERT encoder from a TF-Hub module.

    Args:
      path: the module's folder; may be remote.
      check: compare the rebuilt encoder's outputs with the module's own, unless this user has done so before.

    Returns:
      The encoder.

    Raises:
      InputError: the folder holds no SavedModel, the module is no BERT encoder with a WordPiece vocabulary, or the
        rebuilt encoder's outputs differ from the module's.
    """
    graph = hub_graph.read_graph(path)
    hub_graph.check_word_pieces(graph)  # first: of a module without them, nothing else need be said
    weights, heads, skipped = _canonical_weights(graph)
    pretrained = PretrainedEncoder(
        config=_encoder_config(graph, weights, heads),
        weights=weights,
        tokenizer=hub_graph.read_tokenizer(graph),
        source=path,
        skipped=skipped,
    )
    if skipped:
        logging.info("%s: not part of the encoder, skipped: %s", path, listed(skipped))
    if check:
        fingerprint = _fingerprint(path)
        if not cache.was_checked(fingerprint):
            check_outputs(pretrained, path)
            cache.mark_checked(fingerprint)
    return pretrained


def check_outputs(pretrained: PretrainedEncoder, path: str) -> float:
    """Compares the encoder rebuilt from `pretrained` with the module it was read from.

    Both run in float32 on the CPU, at length 16 and at the longest, with padding and both segment types.

    Args:
      pretrained: what was read.
      path: the module's folder.

    Returns:
      The largest difference.

    Raises:
      InputError: an output differs by more than `CHECK_TOLERANCE`, or the module cannot be called as a BERT encoder.
      RuntimeError: called inside a distribution strategy's scope.
    """
    if tf.distribute.has_strategy():
        raise RuntimeError("load encoders before entering strategy.scope(): their check runs on the host")
    with precision.float32_policy(), tf.device("/CPU:0"):
        encoder = encoder_lib.build_encoder(pretrained.config, name="rebuilt", random_weights=False)
        assign_weights(encoder, pretrained.weights, pretrained.source)
        module = _load_module(path)
        longest = pretrained.config.max_position_embeddings
        differences = {
            (length, name): difference
            for length in sorted({min(_CHECK_SHORT_LENGTH, longest), longest})
            for name, difference in _differences(encoder, module, pretrained.config, length, path).items()
        }
    (length, name), largest = max(differences.items(), key=lambda item: item[1])
    if not largest <= CHECK_TOLERANCE:  # true for NaN too
        raise InputError(
            f"{path}: the encoder rebuilt from this module's weights is not the module: {name} differs by up to "
            f"{largest:.2g} at length {length}, expected at most {CHECK_TOLERANCE:g}"
        )
    logging.info("%s: rebuilt, its outputs differ from the module's by at most %.2g", path, largest)
    return float(largest)


def call_module(module: hub.KerasLayer, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Calls a TF-Hub BERT module of either interface.

    Args:
      module: the module.
      inputs: the three `input_*`, each `<int32>[batch, seq_length]`.

    Returns:
      `sequence_output: <float32>[batch, seq_length, hidden_size]` and `pooled_output: <float32>[batch, hidden_size]`.

    Raises:
      ValueError: the module takes or gives something else.
    """
    outputs = module([inputs[name] for name in encoder_lib.INPUT_NAMES] if takes_list(module) else dict(inputs))
    if isinstance(outputs, Mapping):
        if not {"sequence_output", "pooled_output"} <= set(outputs):
            raise ValueError(f"outputs are {', '.join(sorted(outputs))}, expected sequence_output and pooled_output")
        return {name: outputs[name] for name in ("sequence_output", "pooled_output")}
    if not isinstance(outputs, (list, tuple)) or [output.shape.rank for output in outputs] != [2, 3]:
        raise ValueError("outputs are neither a dict nor the list [pooled_output, sequence_output]")
    return {"pooled_output": outputs[0], "sequence_output": outputs[1]}


def takes_list(module: hub.KerasLayer) -> bool:
    """Whether the module has the older interface: a list of word ids, mask and type ids, not a dict."""
    restored = module.resolved_object.__call__
    for function in getattr(restored, "concrete_functions", ()):
        positional, _ = function.structured_input_signature
        if positional:
            return isinstance(positional[0], (list, tuple))
    return False


def _canonical_weights(graph: hub_graph.HubGraph) -> tuple[dict[str, np.ndarray], int, tuple[str, ...]]:
    """The encoder's arrays by canonical name, the number of heads, and the names of known extras."""
    weights: dict[str, np.ndarray] = {}
    skipped, unknown, heads = [], [], set()
    for variable_name, array in graph.variables.items():
        name = canonical_name(variable_name)
        if name is None:
            (skipped if _KNOWN_EXTRAS.search(variable_name) else unknown).append(variable_name)
            continue
        if "/attention/self/" in name and name.endswith("/kernel"):
            if array.ndim != 3:
                raise InputError(
                    f"{graph.path}: {variable_name} has shape {list(array.shape)}, expected [hidden, heads, head size]"
                )
            heads.add(array.shape[1])
        weights[name] = flatten(name, array).astype(np.float32)
    if unknown or len(heads) != 1 or "embeddings/word_embeddings" not in weights:
        found = listed(unknown or graph.variables) or "none"
        raise InputError(f"{graph.path}: this module is no BERT encoder; its variables are {found}{_WRAP}")
    return weights, heads.pop(), tuple(skipped)


def _encoder_config(graph: hub_graph.HubGraph, weights: Mapping[str, np.ndarray], heads: int) -> EncoderConfig:
    """The architecture, from shapes and from the graph's constants."""
    needed = (
        "embeddings/position_embeddings",
        "embeddings/token_type_embeddings",
        "encoder/layer_0/intermediate/dense/kernel",
    )
    missing = [name for name in needed if name not in weights]
    if missing:
        raise InputError(f"{graph.path}: this module is no BERT encoder; it has no {listed(missing)}{_WRAP}")
    vocab_size, hidden_size = weights["embeddings/word_embeddings"].shape
    layers = {int(name.split("/")[1].removeprefix("layer_")) for name in weights if name.startswith("encoder/layer_")}
    return EncoderConfig(
        vocab_size=vocab_size,
        hidden_size=hidden_size,
        num_layers=max(layers) + 1,
        num_attention_heads=heads,
        intermediate_size=weights["encoder/layer_0/intermediate/dense/kernel"].shape[1],
        hidden_act=hub_graph.find_activation(graph.graph, graph.path),
        layer_norm_epsilon=hub_graph.find_layer_norm_epsilon(graph.graph, graph.path),
        max_position_embeddings=weights["embeddings/position_embeddings"].shape[0],
        type_vocab_size=weights["embeddings/token_type_embeddings"].shape[0],
    )


def _load_module(path: str) -> hub.KerasLayer:
    saved_model_trust.check(path)
    try:
        return hub.KerasLayer(path, trainable=False)
    except (ValueError, OSError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(f"{path}: TensorFlow cannot load this module ({str(error).splitlines()[0]})") from error


def _differences(
    encoder: tf_keras.Model, module: hub.KerasLayer, config: EncoderConfig, length: int, path: str
) -> dict[str, float]:
    """The largest difference of each output, at positions that are not padding."""
    inputs = _example_inputs(config, length)
    ours = encoder(inputs, training=False)
    try:
        theirs = call_module(module, inputs)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise InputError(
            f"{path}: this module cannot be called as a BERT encoder at length {length} ({str(error).splitlines()[0]})"
        ) from error
    shown = inputs["input_mask"].numpy().astype(bool)
    return {
        name: float(np.abs(ours[name].numpy()[rows] - theirs[name].numpy()[rows]).max())
        for name, rows in (("sequence_output", shown), ("pooled_output", slice(None)))
    }


def _example_inputs(config: EncoderConfig, length: int) -> dict[str, tf.Tensor]:
    """Two rows of arbitrary tokens, one full and one padded, each with every segment type.

    Returns:
      The three `input_*`, each `<int32>[2, length]`.
    """
    ends = np.array([length, max(2, length * 2 // 3)])[:, None]
    positions = np.arange(length)[None, :]
    mask = positions < ends
    word_ids = np.random.default_rng(seed=length).integers(config.vocab_size, size=(2, length))
    type_ids = np.minimum(positions * 2 // ends, config.type_vocab_size - 1)
    arrays = (word_ids * mask, mask, type_ids * mask)
    return {
        name: tf.constant(array.astype(np.int32)) for name, array in zip(encoder_lib.INPUT_NAMES, arrays, strict=True)
    }


def _fingerprint(path: str) -> str:
    """SHA-256 of everything the check depends on: the module's graph and variables, and the check itself."""
    files = [tf.io.gfile.join(path, hub_graph.SAVED_MODEL_FILE)]
    files += sorted(tf.io.gfile.glob(tf.io.gfile.join(path, "variables", "variables.*")))
    return f"{digests.sha256_of_files(files)}-{_CHECK_VERSION}"
