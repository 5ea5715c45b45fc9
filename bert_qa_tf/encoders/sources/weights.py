"""Names and checks an encoder's weights: the canonical names, their shapes, and assigning arrays to an encoder.

Every reader beside this module returns arrays by canonical name, so that one function puts them into an encoder and
checks that each weight is assigned exactly once. The canonical names are those of the original BERT checkpoints without
the leading `bert/`, and kernels have 2 dimensions as they do there:

    embeddings/word_embeddings                      [vocab_size, hidden_size]
    encoder/layer_0/attention/self/query/kernel     [hidden_size, hidden_size]
    pooler/dense/bias                               [hidden_size]
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.encoders.sources import word_pieces
from bert_qa_tf.errors import InputError
from bert_qa_tf.text.tokenizer import Tokenizer

if TYPE_CHECKING:  # reading a tokenizer needs no Keras
    import tf_keras

# Names of tf-models-official's variables, whatever stands in front of them → canonical. The second alternative of a
# row is the name in the first TF2 modules, whose inputs are a list.
_LAYER = r"(?:transformer|encoder)/layer_(\d+)"
_MODEL_GARDEN_NAMES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"(?:^|.*/){pattern}$"), canonical)
    for pattern, canonical in (
        (r"word_embeddings/embeddings", "embeddings/word_embeddings"),
        (
            r"(?:position_embedding/embeddings|embedding_postprocessor/position_embeddings)",
            "embeddings/position_embeddings",
        ),
        (r"(?:type_embeddings/embeddings|embedding_postprocessor/type_embeddings)", "embeddings/token_type_embeddings"),
        (r"(?:embeddings|embedding_postprocessor)/layer_norm/(gamma|beta)", r"embeddings/LayerNorm/\1"),
        (_LAYER + r"/self_attention/(query|key|value)/(kernel|bias)", r"encoder/layer_\1/attention/self/\2/\3"),
        (
            _LAYER + r"/(?:self_attention/attention_output|self_attention_output)/(kernel|bias)",
            r"encoder/layer_\1/attention/output/dense/\2",
        ),
        (_LAYER + r"/self_attention_layer_norm/(gamma|beta)", r"encoder/layer_\1/attention/output/LayerNorm/\2"),
        (_LAYER + r"/intermediate/(kernel|bias)", r"encoder/layer_\1/intermediate/dense/\2"),
        (_LAYER + r"/output/(kernel|bias)", r"encoder/layer_\1/output/dense/\2"),
        (_LAYER + r"/output_layer_norm/(gamma|beta)", r"encoder/layer_\1/output/LayerNorm/\2"),
        (r"pooler_transform/(kernel|bias)", r"pooler/dense/\1"),
    )
)

_NAMES_SHOWN = 12


@dataclasses.dataclass(frozen=True)
class PretrainedEncoder:
    """What a reader returns: everything needed to build the encoder and to feed it.

    Attributes:
      config: the architecture.
      weights: canonical name → `<float32>` array, all that the architecture has and no more.
      tokenizer: makes the ids that the encoder takes.
      source: the file, folder or address the encoder was read from, for messages and records.
      skipped: names of the source's variables that are no part of an encoder and were left behind.
    """

    config: EncoderConfig
    weights: dict[str, np.ndarray]
    tokenizer: Tokenizer
    source: str
    skipped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        word_pieces.check_size(self.tokenizer.vocab_size, self.config.vocab_size, self.source)
        check_weights(self.weights, canonical_shapes(self.config), self.source)


def canonical_shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Canonical name → shape of every weight of an encoder, in the order of its forward pass.

    >>> canonical_shapes(EncoderConfig(30522, 768, 12, 12, 3072))["encoder/layer_11/output/dense/kernel"]
    (3072, 768)
    """
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings/word_embeddings": (config.vocab_size, hidden),
        "embeddings/position_embeddings": (config.max_position_embeddings, hidden),
        "embeddings/token_type_embeddings": (config.type_vocab_size, hidden),
        **_norm_shapes("embeddings/LayerNorm", hidden),
    }
    for index in range(config.num_layers):
        layer = f"encoder/layer_{index}"
        for part in ("query", "key", "value"):
            shapes |= _dense_shapes(f"{layer}/attention/self/{part}", hidden, hidden)
        shapes |= _dense_shapes(f"{layer}/attention/output/dense", hidden, hidden)
        shapes |= _norm_shapes(f"{layer}/attention/output/LayerNorm", hidden)
        shapes |= _dense_shapes(f"{layer}/intermediate/dense", hidden, inner)
        shapes |= _dense_shapes(f"{layer}/output/dense", inner, hidden)
        shapes |= _norm_shapes(f"{layer}/output/LayerNorm", hidden)
    return shapes | (_dense_shapes("pooler/dense", hidden, hidden) if config.has_pooler else {})


def has_pooler(names: Iterable[str]) -> bool:
    """Whether a source's canonical names hold any part of a pooler: one that holds half of it is damaged, not without.

    >>> has_pooler(["embeddings/word_embeddings", "pooler/dense/bias"])
    True
    """
    return any(name.startswith("pooler/") for name in names)


def canonical_name(variable_name: str) -> str | None:
    """The canonical name of a variable of tf-models-official's encoders, old or new; None for any other variable.

    >>> canonical_name("encoder/transformer/layer_0/self_attention/query/kernel:0")
    'encoder/layer_0/attention/self/query/kernel'
    """
    bare = variable_name.removesuffix(":0")
    for pattern, canonical in _MODEL_GARDEN_NAMES:
        match = pattern.match(bare)
        if match:
            return match.expand(canonical)
    return None


def check_weights(weights: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
    """Checks that `weights` has exactly the names and shapes of `shapes`.

    Args:
      weights: canonical name → array.
      shapes: canonical name → expected shape.
      source: where the weights come from, for the message.

    Raises:
      InputError: lists the names that are missing, left over or of another shape.
    """
    reports = {
        "missing": [name for name in shapes if name not in weights],
        "left over": [name for name in weights if name not in shapes],
        "wrong shape": [
            f"{name} is {list(weights[name].shape)}, expected {list(shape)}"
            for name, shape in shapes.items()
            if name in weights and tuple(weights[name].shape) != tuple(shape)
        ],
    }
    problems = [f"{what}: {listed(names)}" for what, names in reports.items() if names]
    if problems:
        raise InputError(f"{source}: these weights are not those of the BERT encoder; {'; '.join(problems)}")


def check_left_over(names: Collection[str], source: str) -> None:
    """Refuses a source with variables that are neither an encoder's nor known to be something else.

    Args:
      names: of those variables, as the source has them.
      source: where they are, for the message.

    Raises:
      InputError: there are any; lists them.
    """
    if names:
        raise InputError(f"{source}: these weights are not those of the BERT encoder; left over: {listed(names)}")


def assign_weights(encoder: tf_keras.Model, weights: Mapping[str, np.ndarray], source: str = "weights") -> None:
    """Puts `weights` into an encoder of `build_encoder`, each variable exactly once.

    Args:
      encoder: the encoder; every one of its variables is overwritten.
      weights: canonical name → array of the shape in `canonical_shapes`.
      source: where the weights come from, for the message.

    Raises:
      InputError: names are missing or left over, or a shape differs; nothing has been assigned then.
    """
    variables = variables_by_name(encoder)
    shapes = {name: _flat_shape(name, tuple(variable.shape)) for name, variable in variables.items()}
    check_weights(weights, shapes, source)
    for name, variable in variables.items():
        variable.assign(np.asarray(weights[name], np.float32).reshape(variable.shape))


def read_weights(encoder: tf_keras.Model) -> dict[str, np.ndarray]:
    """The inverse of `assign_weights`: canonical name → `<float32>` array of each of the encoder's variables."""
    return {
        name: np.asarray(variable.numpy()).reshape(_flat_shape(name, tuple(variable.shape)))
        for name, variable in variables_by_name(encoder).items()
    }


def variables_by_name(encoder: tf_keras.layers.Layer) -> dict[str, tf.Variable]:
    """Canonical name → variable of an encoder of `build_encoder`; kernels of attention keep their axis of heads."""
    variables = {}
    for variable in encoder.weights:
        name = canonical_name(variable.name)
        if name is None or name in variables:
            raise AssertionError(f"encoder variable {variable.name} has no canonical name of its own (got {name})")
        variables[name] = variable
    return variables


def flatten(name: str, array: np.ndarray) -> np.ndarray:
    """`array` in the canonical shape of `name`: kernels and biases with an axis of attention heads lose it."""
    return array.reshape(_flat_shape(name, array.shape))


def listed(names: Iterable[str]) -> str:
    """Names for one line of a message, the first of them if they are many."""
    names = list(names)
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"{', '.join(names[:_NAMES_SHOWN])}{more}"


def _flat_shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    # query/key/value: kernel [hidden, heads, dim], bias [heads, dim]. attention output: kernel [heads, dim, hidden].
    if "/attention/self/" in name:
        return (shape[0], int(np.prod(shape[1:]))) if name.endswith("kernel") else (int(np.prod(shape)),)
    if name.endswith("/attention/output/dense/kernel"):
        return (int(np.prod(shape[:-1])), shape[-1])
    return shape


def _dense_shapes(name: str, rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}/kernel": (rows, columns), f"{name}/bias": (columns,)}


def _norm_shapes(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}/gamma": (size,), f"{name}/beta": (size,)}
