"""Reads a BERT architecture from JSON: Google's `bert_config.json`, or Hugging Face's `config.json` with the same keys.

The two agree on the keys but not on what the values mean: "gelu" is the tanh approximation in Google's code and the
exact function in Hugging Face's. So each reader says what it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files

_SIZES = {
    "vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_attention_heads",
    "intermediate_size": "intermediate_size",
    "max_position_embeddings": "max_position_embeddings",
    "type_vocab_size": "type_vocab_size",
}
# What no weight depends on, and what a source means that does not state it.
_SHARES = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "initializer_range": 0.02}


def read_config(path: str, *, activations: Mapping[str, str], layer_norm_epsilon: float | None = None) -> EncoderConfig:
    """The architecture that a JSON file states.

    Args:
      path: the file; may be remote.
      activations: what the source's code means by each value of `hidden_act` → ours.
      layer_norm_epsilon: what the source's code has where the file does not state `layer_norm_eps`; None where a file
        without it is an error.

    Returns:
      The architecture with a pooler: the file does not say whether the weights beside it hold one.

    Raises:
      InputError: the file cannot be read, a value is missing or makes no sense, or this is no plain BERT.
    """
    stated = files.read_json(path)
    if stated.get("model_type", "bert") != "bert":
        raise InputError(f"{path}: expected a BERT model, got model_type {stated['model_type']!r}")
    if stated.get("position_embedding_type", "absolute") != "absolute":
        raise InputError(f"{path}: expected absolute positions, got {stated['position_embedding_type']!r}")
    activation = stated.get("hidden_act")
    if activation not in list(activations):  # a list, since what JSON holds may have no hash
        raise InputError(f"{path}: expected hidden_act to be one of {', '.join(activations)}, got {activation!r}")
    epsilon = stated.get("layer_norm_eps", layer_norm_epsilon)
    missing = [name for name in _SIZES if name not in stated] + ["layer_norm_eps"] * (epsilon is None)
    if missing:
        raise InputError(f"{path}: {', '.join(missing)} is missing")
    wrong = [f"{name}={stated[name]!r}" for name in _SIZES if type(stated[name]) is not int]
    if wrong:
        raise InputError(f"{path}: expected whole numbers, got {', '.join(wrong)}")
    if not _is_number(epsilon) or epsilon <= 0:
        raise InputError(f"{path}: expected layer_norm_eps to be a number above 0, got {epsilon!r}")
    shares = {name: stated.get(name, default) for name, default in _SHARES.items()}
    wrong = [f"{name}={value!r}" for name, value in shares.items() if not _is_number(value) or not 0 <= value < 1]
    if wrong:
        raise InputError(f"{path}: expected numbers from 0 to below 1, got {', '.join(wrong)}")
    try:
        return EncoderConfig(
            **{ours: stated[theirs] for theirs, ours in _SIZES.items()},
            hidden_act=activations[activation],
            layer_norm_epsilon=epsilon,
            hidden_dropout=shares["hidden_dropout_prob"],
            attention_dropout=shares["attention_probs_dropout_prob"],
            initializer_range=shares["initializer_range"],
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)
