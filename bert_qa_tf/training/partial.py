"""Freezes the lowest layers of an encoder and finds the layer that a variable belongs to.

`optimization.py` uses the layer numbers for learning rates that decrease from layer to layer.
"""

from __future__ import annotations

import re

import tf_keras

from bert_qa_tf.encoders.sources.weights import canonical_name
from bert_qa_tf.errors import InputError

# The layer number of the embeddings; blocks are numbered from 0.
EMBEDDINGS = -1
# The values of `freeze_layers` that freeze nothing, and only the embeddings.
FREEZE_NOTHING = 0
FREEZE_EMBEDDINGS = -1


def layer_number(variable_name: str) -> int | None:
    """Returns the layer of a variable: `EMBEDDINGS` or the number of its block; None for the pooler and the head.

    >>> layer_number("transformer/layer_3/self_attention/query/kernel:0")
    3
    """
    name = canonical_name(variable_name) or ""
    if name.startswith("embeddings/"):
        return EMBEDDINGS
    block = re.match(r"encoder/layer_(\d+)/", name)
    return int(block[1]) if block else None


def check_layers(encoder: tf_keras.layers.Layer, asked_for: str) -> int:
    """Checks that the names of an encoder's variables show their layers.

    Args:
      encoder: the encoder, built.
      asked_for: the setting that needs the layers, for the error message.

    Returns:
      The number of blocks.

    Raises:
      InputError: a name shows no layer, so the encoder is not a plain BERT.
    """
    for variable in encoder.trainable_variables:
        if canonical_name(variable.name) is None:
            raise InputError(
                f"{asked_for}: needs a plain BERT encoder, whose layers can be told apart; {variable.name} is of none"
            )
    numbers = [layer_number(variable.name) for variable in encoder.trainable_variables]
    return 1 + max((number for number in numbers if number is not None), default=EMBEDDINGS)


def freeze(encoder: tf_keras.layers.Layer, freeze_layers: int) -> None:
    """Freezes the lowest layers of an encoder, also for any model that contains it.

    Frozen variables are no longer in `encoder.trainable_variables`. They get no gradients, no weight decay and no
    optimizer slots. Dropout in frozen layers stays active.

    Args:
      encoder: the encoder, with its weights.
      freeze_layers: `FREEZE_NOTHING`, `FREEZE_EMBEDDINGS`, or the number of blocks to freeze with the embeddings.

    Raises:
      InputError: the encoder has fewer blocks, or its layers cannot be identified.
    """
    if freeze_layers == FREEZE_NOTHING:
        return
    asked_for = f"freeze_layers={freeze_layers}"
    blocks = check_layers(encoder, asked_for)
    if freeze_layers > blocks:
        raise InputError(f"{asked_for}: the encoder has {blocks} transformer blocks")
    above = max(freeze_layers, 0)  # the lowest block that is trained

    def is_frozen(name: str) -> bool:
        number = layer_number(name)
        return number is not None and number < above

    # The innermost layers own the variables, and the names of a block's parts contain the block's number.
    layers = [module for module in encoder.submodules if isinstance(module, tf_keras.layers.Layer)]
    for layer in layers:
        if not _has_layers(layer) and layer.weights and all(is_frozen(weight.name) for weight in layer.weights):
            layer.trainable = False
    left = [variable.name for variable in encoder.trainable_variables if is_frozen(variable.name)]
    if left:
        raise InputError(f"{asked_for}: this encoder can only be trained as a whole; {left[0]} cannot be frozen")


def _has_layers(layer: tf_keras.layers.Layer) -> bool:
    return any(isinstance(module, tf_keras.layers.Layer) for module in layer.submodules)
