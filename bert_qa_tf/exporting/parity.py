"""Checks that the outputs of an exported model's `serve_ids` match those of the original model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:  # a process that only runs a SavedModel does not need it
    import tf_keras

# The allowed difference between the outputs of two runs of the same model, by the dtype that it computes in. Batches of
# different shapes are summed in different orders.
_TOLERANCES = {"float32": 1e-3, "bfloat16": 0.5, "float16": 0.1}
_ROWS_PER_CALL = 16

# The inputs of one row of a model, unpadded and without `input_mask`, and its outputs.
Row = Mapping[str, Sequence[int]]
Outputs = Mapping[str, Sequence[float]]


def tolerance_of(model: tf_keras.Model) -> float:
    """Returns the allowed difference between the outputs of `model` and of its export."""
    return _TOLERANCES[compute_dtype(model)]


def compute_dtype(model: tf_keras.Model) -> str:
    """Returns the lowest precision that any layer of the model computes in."""
    dtypes = {getattr(layer, "compute_dtype", "float32") for layer in model.submodules}
    return next((dtype for dtype in ("bfloat16", "float16") if dtype in dtypes), "float32")


def largest_difference(model: tf_keras.Model, rows: Sequence[Row], found: Sequence[Outputs]) -> tuple[float, str]:
    """Finds the largest difference between the outputs of `serve_ids` and the model's own.

    Args:
      model: the original model; takes the inputs of `rows` and `input_mask`.
      rows: the inputs of both.
      found: the outputs of `serve_ids` by name, for each row.

    Returns:
      The largest difference, and the name of the output that has it. The difference is NaN if any is NaN.
    """
    worst, where = 0.0, "outputs"
    # Traced for any shape, like the export, because different graphs round differently.
    signature = {name: tf.TensorSpec([None, None], tf.int32) for name in model.input}
    run = tf.function(lambda inputs: model(inputs, training=False), input_signature=[signature], autograph=False)
    expected = outputs_of_rows(run, {name: output.shape for name, output in model.output.items()}, rows)
    for wanted, outputs in zip(expected, found, strict=True):
        for name, values in outputs.items():
            difference = float(np.abs(wanted[name] - np.array(values)).max())
            if not difference <= worst:
                worst, where = difference, name
            if np.isnan(worst):
                return worst, where
    return worst, where


def outputs_of_rows(
    run: Callable[[dict[str, tf.Tensor]], Mapping[str, tf.Tensor]], shapes: Mapping[str, Any], rows: Sequence[Row]
) -> Iterator[dict[str, np.ndarray]]:
    """Runs rows through a model in batches.

    Args:
      run: maps inputs, `<int32>[batch, seq_length]` by name, to outputs.
      shapes: the static shape of each output. An output whose second dimension is not static has a value per token.
      rows: the inputs.

    Yields:
      The outputs of each row by name, without those of padding tokens.
    """
    per_token = {name for name, shape in shapes.items() if len(shape) > 1 and shape[1] is None}
    for first in range(0, len(rows), _ROWS_PER_CALL):
        some = rows[first : first + _ROWS_PER_CALL]
        outputs = {name: values.numpy() for name, values in run(_pad(some)).items()}
        for index, row in enumerate(some):
            length = len(next(iter(row.values())))
            yield {
                name: values[index, :length] if name in per_token else values[index] for name, values in outputs.items()
            }


def _pad(rows: Sequence[Row]) -> dict[str, tf.Tensor]:
    """Pads rows to a batch, `<int32>[len(rows), longest]` by name, and adds `input_mask`."""
    ragged = {name: tf.ragged.constant([row[name] for row in rows], tf.int32) for name in rows[0]}
    mask = tf.ones_like(next(iter(ragged.values())))
    return {name: values.to_tensor() for name, values in (ragged | {"input_mask": mask}).items()}
