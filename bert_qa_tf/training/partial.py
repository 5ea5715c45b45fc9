"""Training part of an encoder: which layer a variable belongs to, and keeping the lowest layers as they are.

What goes in: an encoder of `models/`. What comes out: the same encoder with some of its layers frozen. Learning rates
that shrink from layer to layer are in `optimization.py`; it asks here how deep a variable lies.
"""

from __future__ import annotations

import re

import tf_keras

from bert_qa_tf.encoders.sources.weights import canonical_name
from bert_qa_tf.errors import InputError

# The layer number of the embeddings; blocks count from 0.
EMBEDDINGS = -1
# `freeze_layers` for nothing, and for the embeddings without any block.
FREEZE_NOTHING = 0
FREEZE_EMBEDDINGS = -1


def layer_number(variable_name: str) -> int | None:
    """The layer of an encoder's variable: `EMBEDDINGS`, or the number of its block; None for pooler and head.

    >>> layer_number("transformer/layer_3/self_attention/query/kernel:0")
    3
    """
    name = canonical_name(variable_name) or ""
    if name.startswith("embeddings/"):
        return EMBEDDINGS
    block = re.match(r"encoder/layer_(\d+)/", name)
    return int(block[1]) if block else None


def check_layers(encoder: tf_keras.layers.Layer, asked_for: str) -> int:
    """Checks that the layer of each of an encoder's variables can be told from its name.

    Args:
      encoder: the encoder, built.
      asked_for: the setting that needs it, for the message.

    Returns:
      The number of blocks.

    Raises:
      InputError: it cannot, so this is no plain BERT.
    """
    for variable in encoder.trainable_variables:
        if canonical_name(variable.name) is None:
            raise InputError(
                f"{asked_for}: needs a plain BERT encoder, whose layers can be told apart; {variable.name} is of none"
            )
    numbers = [layer_number(variable.name) for variable in encoder.trainable_variables]
    return 1 + max((number for number in numbers if number is not None), default=EMBEDDINGS)


def freeze(encoder: tf_keras.layers.Layer, freeze_layers: int) -> None:
    """Takes the lowest layers out of `encoder.trainable_variables`, and so out of those of any model around it.

    What is frozen gets no gradient, no weight decay and no room in the optimizer. Dropout in it goes on.

    Args:
      encoder: the encoder, with its weights in it.
      freeze_layers: `FREEZE_NOTHING`; `FREEZE_EMBEDDINGS`; or the embeddings and so many blocks.

    Raises:
      InputError: the encoder has fewer blocks, or is none whose layers can be told apart.
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

    # The innermost layers own the variables: a block's parts have the block's number in their names.
    layers = [module for module in encoder.submodules if isinstance(module, tf_keras.layers.Layer)]
    for layer in layers:
        if not _has_layers(layer) and layer.weights and all(is_frozen(weight.name) for weight in layer.weights):
            layer.trainable = False
    left = [variable.name for variable in encoder.trainable_variables if is_frozen(variable.name)]
    if left:
        raise InputError(f"{asked_for}: this encoder can only be trained as a whole; {left[0]} cannot be frozen")


def _has_layers(layer: tf_keras.layers.Layer) -> bool:
    return any(isinstance(module, tf_keras.layers.Layer) for module in layer.submodules)
