"""Reads keras-nlp's BERT presets: a folder that `save_to_preset` wrote, or the name of a published one.

keras-nlp is built on Keras 3 and the rest of this package on Keras 2. So it is imported in this module alone, when a
preset is read, and only arrays and settings are taken from it. The activation and the layer-norm epsilon are read off
the layers that it builds, because a preset does not store them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import tensorflow as tf

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.encoders.sources.weights import PretrainedEncoder, check_left_over, flatten, listed
from bert_qa_tf.encoders.sources.word_pieces import read_vocab
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, temporary_files
from bert_qa_tf.text.tokenization import BertTokenizer

WEIGHTS_FILE = "model.weights.h5"
_CONFIG_FILE = "config.json"
_VOCAB_FILE = "assets/tokenizer/vocabulary.txt"
# What a preset's config.json calls keras-nlp's BERT, now and before the library's change of name.
_BACKBONES = ("keras_hub>BertBackbone", "keras_nlp>BertBackbone")

# keras-nlp's names of variables → canonical.
_LAYER = r"transformer_layer_(\d+)"
_NAMES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), canonical)
    for pattern, canonical in (
        (r"token_embedding/embeddings", "embeddings/word_embeddings"),
        (r"position_embedding/(?:position_)?embeddings", "embeddings/position_embeddings"),
        (r"segment_embedding/embeddings", "embeddings/token_type_embeddings"),
        (r"embeddings_layer_norm/(gamma|beta)", r"embeddings/LayerNorm/\1"),
        (_LAYER + r"/self_attention_layer/(query|key|value)/(kernel|bias)", r"encoder/layer_\1/attention/self/\2/\3"),
        (
            _LAYER + r"/self_attention_layer/attention_output/(kernel|bias)",
            r"encoder/layer_\1/attention/output/dense/\2",
        ),
        (_LAYER + r"/self_attention_layer_norm/(gamma|beta)", r"encoder/layer_\1/attention/output/LayerNorm/\2"),
        (_LAYER + r"/feedforward_intermediate_dense/(kernel|bias)", r"encoder/layer_\1/intermediate/dense/\2"),
        (_LAYER + r"/feedforward_output_dense/(kernel|bias)", r"encoder/layer_\1/output/dense/\2"),
        (_LAYER + r"/feedforward_layer_norm/(gamma|beta)", r"encoder/layer_\1/output/LayerNorm/\2"),
        (r"pooled_dense/(kernel|bias)", r"pooler/dense/\1"),
    )
)
_PROBES = np.linspace(-4.0, 4.0, 33, dtype=np.float32)
_ACTIVATIONS = {
    "gelu": lambda x: tf.nn.gelu(x, approximate=False),
    "gelu_tanh": lambda x: tf.nn.gelu(x, approximate=True),
    "relu": tf.nn.relu,
}


def is_preset_name(handle: str) -> bool:
    """Whether keras-nlp publishes a BERT preset of this name. Slow the first time: it imports keras-nlp."""
    # All of its names have an underscore and no slash; asking about others would cost everyone the import.
    return re.fullmatch(r"[a-z0-9.]+(?:_[a-z0-9.]+)+", handle) is not None and handle in _library().BertBackbone.presets


def read_keras_preset(preset: str, *, do_lower_case: bool | None = None) -> PretrainedEncoder:
    """Reads a BERT encoder from a keras-nlp preset.

    Args:
      preset: a folder, which may be remote, or a name for which `is_preset_name` is true.
      do_lower_case: the casing of the vocabulary, if the user states one; a preset states its own.

    Returns:
      The encoder.

    Raises:
      InputError: this is no BERT preset with a tokenizer, it is damaged or cannot be had, or states another casing.
    """
    _check_backbone(preset)
    backbone = _load(preset, lambda models: models.BertBackbone.from_preset(preset, dtype="float32"))
    tokenizer = _read_tokenizer(preset, backbone.vocabulary_size, do_lower_case)
    _check_file(backbone, tf.io.gfile.join(preset, WEIGHTS_FILE))
    return PretrainedEncoder(_encoder_config(backbone, preset), _weights(backbone, preset), tokenizer, source=preset)


def read_tokenizer(preset: str, do_lower_case: bool | None = None) -> BertTokenizer:
    """Reads the tokenizer of a preset, and of its weights nothing; arguments as `read_keras_preset`'s.

    Raises:
      InputError: this is no BERT preset with a tokenizer, it is damaged or cannot be had, or states another casing.
    """
    stated = _check_backbone(preset).get("config")
    size = stated.get("vocabulary_size") if isinstance(stated, dict) else None
    return _read_tokenizer(preset, size, do_lower_case)


def _read_tokenizer(preset: str, size: int | None, do_lower_case: bool | None) -> BertTokenizer:
    tokenizer = _load(preset, lambda models: models.BertTokenizer.from_preset(preset))
    lowers = bool(tokenizer.lowercase)
    if do_lower_case not in (None, lowers):
        raise InputError(
            f"{preset}: its tokenizer states lowercase={tokenizer.lowercase}, but --do_lower_case={do_lower_case}"
        )
    vocab_file = tf.io.gfile.join(preset, _VOCAB_FILE)
    # From the file where there is one: keras-nlp's tokenizer strips white space off its pieces.
    vocab = read_vocab(vocab_file, size) if tf.io.gfile.exists(vocab_file) else tokenizer.get_vocabulary()
    return BertTokenizer(vocab, lowers, source=preset)


def _check_backbone(preset: str) -> dict[str, Any]:
    """The `config.json` of a preset's folder, refused if it is no BERT's; {} for a preset's name."""
    if not tf.io.gfile.isdir(preset):
        return {}
    # Before anything is built from it: a preset's config names the classes to import.
    path = tf.io.gfile.join(preset, _CONFIG_FILE)
    values = files.read_json(path)
    name = values.get("registered_name")
    if name not in _BACKBONES:
        raise InputError(f"{path}: expected a preset of keras-nlp's BertBackbone, got {name!r}")
    return values


def _load(preset: str, build: Callable[[Any], Any]) -> Any:
    """What `build` makes of keras-nlp's models."""
    models = _library()
    try:
        with tf.device("/CPU:0"):
            return build(models)
    except Exception as error:  # keras-nlp, Keras, h5py and kagglehub each raise their own kinds
        _explain(preset)
        raise InputError(f"{preset}: keras-nlp cannot load this preset ({_one_line(error)})") from error


def canonical_name(path: str) -> str | None:
    """The canonical name of a variable of keras-nlp's `BertBackbone`; None for any other.

    >>> canonical_name("transformer_layer_0/self_attention_layer/query/kernel")
    'encoder/layer_0/attention/self/query/kernel'
    """
    for pattern, canonical in _NAMES:
        match = pattern.fullmatch(path)
        if match:
            return match.expand(canonical)
    return None


def _library() -> Any:
    try:
        import keras_nlp
    except ImportError as error:
        raise InputError(f"reading a preset needs keras-nlp (pip install keras-nlp): {_one_line(error)}") from error
    return keras_nlp.models


def _weights(backbone: Any, preset: str) -> dict[str, np.ndarray]:
    names = {variable.path: canonical_name(variable.path) for variable in backbone.weights}
    check_left_over([path for path, name in names.items() if name is None], preset)
    return {
        names[variable.path]: flatten(names[variable.path], np.asarray(variable.numpy(), np.float32))
        for variable in backbone.weights
    }


def _encoder_config(backbone: Any, preset: str) -> EncoderConfig:
    layers = backbone.transformer_layers
    norms = [backbone.embeddings_layer_norm]
    norms += [norm for layer in layers for norm in (layer._self_attention_layer_norm, layer._feedforward_layer_norm)]
    epsilons = {float(norm.epsilon) for norm in norms}
    activations = {_activation(layer.activation) for layer in layers}
    if len(epsilons) != 1 or len(activations) != 1 or None in activations:
        raise InputError(
            f"{preset}: expected one layer-norm epsilon and one activation of {', '.join(_ACTIVATIONS)} throughout, "
            f"got {sorted(epsilons)} and {[getattr(layer.activation, '__name__', '?') for layer in layers]}"
        )
    return EncoderConfig(
        vocab_size=backbone.vocabulary_size,
        hidden_size=backbone.hidden_dim,
        num_layers=backbone.num_layers,
        num_attention_heads=backbone.num_heads,
        intermediate_size=backbone.intermediate_dim,
        hidden_act=activations.pop(),
        layer_norm_epsilon=epsilons.pop(),
        max_position_embeddings=backbone.max_sequence_length,
        type_vocab_size=backbone.num_segments,
        hidden_dropout=backbone.dropout,
        attention_dropout=backbone.dropout,
    )


def _activation(function: Any) -> str | None:
    """Which of our activations a function of Keras 3 is, by what it computes."""
    values = np.asarray(function(_PROBES))
    matches = [name for name, ours in _ACTIVATIONS.items() if np.allclose(values, ours(_PROBES), rtol=0, atol=1e-6)]
    return matches[0] if len(matches) == 1 else None


def _check_file(backbone: Any, path: str) -> None:
    """Refuses a weights file that holds more than the backbone took from it; Keras says nothing then.

    Keras itself refuses a file that holds less.
    """
    if "://" in path or not os.path.exists(path):
        return
    found = _arrays_in(path)
    if len(found) > len(backbone.weights):
        check_left_over(sorted(found - _expected_arrays(backbone.num_layers)), path)


def _explain(preset: str) -> None:
    """Says what is wrong with the weights file of a preset that did not load, where that is it.

    Raises:
      InputError: the file is damaged, or holds fewer arrays than the backbone has.
    """
    path = os.path.join(preset, WEIGHTS_FILE)
    if "://" in preset or not os.path.exists(path):
        return
    try:
        found = _arrays_in(path)
    except OSError as error:
        raise InputError(f"{path}: this HDF5 file is damaged, or is none ({_one_line(error)})") from error
    config = files.read_json(os.path.join(preset, _CONFIG_FILE)).get("config")
    layers = config.get("num_layers") if isinstance(config, dict) else None
    missing = sorted(_expected_arrays(layers) - found) if isinstance(layers, int) else []
    if missing:
        raise InputError(f"{path}: these weights are not those of the BERT encoder; missing: {listed(missing)}")


def _expected_arrays(num_layers: int) -> set[str]:
    """The names that Keras gives a backbone's weights in its file."""
    sizes = {"vocabulary_size": 1, "num_heads": 1, "hidden_dim": 1, "intermediate_dim": 1, "max_sequence_length": 1}
    with temporary_files.working_folder() as folder, tf.device("/CPU:0"):
        # Where Keras puts a weight depends on the layers alone, so the smallest such backbone shows it.
        model = _library().BertBackbone(num_layers=num_layers, **sizes)
        model.save_weights(os.path.join(folder, WEIGHTS_FILE))
        return _arrays_in(os.path.join(folder, WEIGHTS_FILE))


def _arrays_in(path: str) -> set[str]:
    names: set[str] = set()
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: names.add(name) if isinstance(item, h5py.Dataset) else None)
    return names


def _one_line(error: Exception) -> str:
    text = " ".join((str(error) or type(error).__name__).split())
    # Keras ends with the tensor itself and a list of layers, which say nothing more.
    return re.split(r" (?:Target|List of objects)\b", text)[0][:300]
