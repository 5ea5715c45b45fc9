"""Parses the body of a `predict` request, in TF Serving's row and columnar forms.

The result is arrays for one of the model's signatures, or the error that TF Serving would reply with.

Source: TF Serving's `g3doc/api_rest.md` and `util/json_tensor.cc`. The limits are an addition of this package.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving import costs
from bert_qa_tf.serving.json_tensor import JsonTensorError, is_base64, shown, to_array
from bert_qa_tf.serving.rest import RestError
from bert_qa_tf.storage import json_text

DEFAULT_SIGNATURE = "serving_default"
# JSON values of a request beside its texts and token ids; far more than any honest one has.
_FREE_VALUES = 100_000


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """An input of a signature: the name of its TensorFlow dtype, and its shape, in which None stands for any size."""

    dtype: str
    shape: tuple[int | None, ...]


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits of one request.

    Attributes:
      max_body_bytes: the size of the body; a larger one gets status 413.
      max_batch_size: the number of questions, sentences or rows of token ids; more get status 400.
      max_context_chars: the number of characters of any one string; more get status 400.
      max_word_pieces: the word pieces of all texts together, as `costs.word_pieces` estimates them, or of all token
        ids; more get status 400.
    """

    max_body_bytes: int = 16 * 2**20
    max_batch_size: int = 64
    max_context_chars: int = 1_000_000
    max_word_pieces: int = 400_000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise InputError(f"--{name} must be at least 1, got {value}")


@dataclasses.dataclass(frozen=True)
class PredictRequest:
    """A `predict` request.

    Attributes:
      signature_name: the signature to run.
      inputs: the inputs by name; strings are bytes in arrays of objects.
      is_row_form: whether the request has `instances`; the reply then has `predictions`.
      row_costs: the estimated word pieces of each row, `<int64>[batch]`; one number if the inputs differ in rows.
    """

    signature_name: str
    inputs: dict[str, np.ndarray]
    is_row_form: bool
    row_costs: np.ndarray


def parse_predict(body: bytes, signatures: Mapping[str, Mapping[str, TensorSpec]], limits: Limits) -> PredictRequest:
    """Parses the body of a `predict` request.

    Args:
      body: JSON. Bytes that are not UTF-8 are replaced by U+FFFD, as in the model.
      signatures: name of a signature → name of an input → its dtype and shape.
      limits: see `Limits`. The caller must have checked the size of the body.

    Raises:
      RestError: TF Serving would refuse the request, or it exceeds a limit.
    """
    _check_counts(body, signatures, limits)
    try:
        return _parse_document(_parse_json(body), signatures, limits)
    except RecursionError as error:
        raise RestError(400, "JSON Parse error: lists are nested too deeply") from error
    except JsonTensorError as error:
        raise RestError(400, str(error)) from error


def _parse_document(
    document: dict[str, Any], signatures: Mapping[str, Mapping[str, TensorSpec]], limits: Limits
) -> PredictRequest:
    signature_name = document.get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(signature_name, str):
        raise RestError(
            400,
            f"JSON Value: {shown(document)} not formatted correctly. 'signature_name' key must be a string value.",
        )
    signature_name = signature_name or DEFAULT_SIGNATURE
    if signature_name not in signatures:
        raise RestError(400, f'Serving signature name: "{signature_name}" not found in signature def')
    specs = signatures[signature_name]
    is_row_form = "instances" in document
    inputs = _read_instances(document, specs) if is_row_form else _read_inputs(document, specs)
    for name, spec in specs.items():
        _check_shape(name, inputs[name], spec)
        _check_limits(name, inputs[name], limits)
    row_costs = _row_costs(inputs)
    cost = int(row_costs.sum())
    if cost > limits.max_word_pieces:
        raise RestError(
            400,
            f"The request has about {cost} word pieces, more than the {limits.max_word_pieces} that this server takes",
        )
    return PredictRequest(signature_name, inputs, is_row_form, row_costs)


def _check_counts(body: bytes, signatures: Mapping[str, Mapping[str, TensorSpec]], limits: Limits) -> None:
    """Refuses a body of more values than any request has within the other limits, before they are made.

    A body of `[],[],…` makes millions of lists, and nothing else runs meanwhile. In texts, these signs are word pieces.
    """
    pieces, num_inputs = limits.max_word_pieces, max(map(len, signatures.values()), default=1)
    if (
        body.count(b",") > _FREE_VALUES + num_inputs * pieces
        or body.count(b"[") + body.count(b"{") > _FREE_VALUES + pieces
    ):
        raise RestError(
            400,
            f"The request has more JSON values than one of {pieces} word pieces needs, which is the most that this "
            "server takes",
        )


def _parse_json(body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", errors="replace")
    if not text.strip():
        raise RestError(400, "JSON Parse error: The document is empty")
    try:
        document = json_text.parse(text, allow_nan=True)
    except json_text.JsonError as error:
        if error.offset is None:
            reason = "lists are nested too deeply" if json_text.is_too_deep(error) else "Number too big"
            raise RestError(400, f"JSON Parse error: {reason}") from error
        reason = "Invalid value" if error.reason == "Expecting value" else error.reason
        offset = len(text[: error.offset].encode("utf-8"))
        raise RestError(400, f"JSON Parse error: {reason}. at offset: {offset}") from error
    if not isinstance(document, dict):
        raise RestError(400, f"JSON Value: {shown(document)} Is not object")
    return document


def _read_instances(document: dict[str, Any], specs: Mapping[str, TensorSpec]) -> dict[str, np.ndarray]:
    """Reads the row form: a list of objects with all inputs, or of plain values if there is only one input."""
    instances = document["instances"]
    if "inputs" in document:
        raise JsonTensorError(
            f"JSON Value: {shown(document)} Not formatted correctly expecting only one of 'inputs' or 'instances' keys "
            "to exist"
        )
    if not isinstance(instances, list):
        raise JsonTensorError(f"JSON Value: {shown(document)} Expecting 'instances' to be an list/array")
    if not instances:
        raise JsonTensorError(f"JSON Value: {shown(document)} No values in 'instances' array")
    if not isinstance(instances[0], dict) and len(specs) > 1:
        raise JsonTensorError(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    are_objects = _is_object(instances[0])
    rows: dict[str, list[np.ndarray]] = {name: [] for name in specs}
    for number, instance in enumerate(instances):
        if _is_object(instance) != are_objects:
            expected, got = ("object", "list") if are_objects else ("value/list", "object")
            raise JsonTensorError(f"Expecting {expected} but got {got} at item {number} of input list")
        values = instance if are_objects else {next(iter(specs)): instance}
        for name, value in values.items():
            try:
                rows.get(name, []).append(_read_row(name, value, specs, rows))
            except JsonTensorError as error:
                key = f" key: {name}" if are_objects else ""
                raise JsonTensorError(
                    f"Failed to process element: {number}{key} of 'instances' list. Error: INVALID_ARGUMENT: {error}"
                ) from error
        if values.keys() != specs.keys():
            raise JsonTensorError(
                f"Failed to process element: {number} of 'instances' list. JSON object: {shown(instance)} keys must be "
                f"equal to: {','.join(sorted(specs))}"
            )
    return {name: np.stack(arrays) for name, arrays in rows.items()}


def _read_row(
    name: str, value: Any, specs: Mapping[str, TensorSpec], rows: Mapping[str, list[np.ndarray]]
) -> np.ndarray:
    """Reads one input of one instance, which must have the same shape as in the first instance."""
    if name not in specs:
        raise JsonTensorError(f"JSON object: does not have named input: {name}")
    array = to_array(value, specs[name].dtype)
    if rows[name]:
        first = rows[name][0]
        if first.size != array.size:
            raise JsonTensorError(f"Expecting tensor size: {first.size} but got: {array.size}")
        if first.shape != array.shape:
            raise JsonTensorError(f"Expecting shape {_shown_shape(first.shape)} but got: {_shown_shape(array.shape)}")
    return array


def _read_inputs(document: dict[str, Any], specs: Mapping[str, TensorSpec]) -> dict[str, np.ndarray]:
    """Reads the columnar form: an object with all inputs, or a plain value if there is only one input."""
    if "inputs" not in document:
        raise JsonTensorError("Missing 'inputs' or 'instances' key")
    inputs = document["inputs"]
    if not _is_object(inputs):
        if len(specs) > 1:
            raise JsonTensorError(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        inputs = {next(iter(specs)): inputs}
    for name in sorted(specs):
        if name not in inputs:
            raise JsonTensorError(f"Missing named input: {name} in 'inputs' object.")
    return {name: to_array(inputs[name], spec.dtype) for name, spec in specs.items()}


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _check_shape(name: str, array: np.ndarray, spec: TensorSpec) -> None:
    # TF Serving leaves this check to the graph, and its error message depends on the first op that fails.
    fits = len(array.shape) == len(spec.shape) and all(
        wanted in (None, got) for got, wanted in zip(array.shape, spec.shape, strict=True)
    )
    if not fits:
        wanted = _shown_shape(tuple(-1 if size is None else size for size in spec.shape))
        raise RestError(400, f"Input {name} has shape {_shown_shape(array.shape)}, expected {wanted}")


def _check_limits(name: str, array: np.ndarray, limits: Limits) -> None:
    if array.ndim and len(array) > limits.max_batch_size:
        raise RestError(
            400, f"Input {name} has {len(array)} rows, more than the {limits.max_batch_size} that this server takes"
        )
    if array.dtype != object:
        return
    for row, value in enumerate(array.reshape(-1)):
        # A text has at least as many bytes as characters, so most texts need not be decoded to count them.
        if len(value) > limits.max_context_chars:
            chars = len(value.decode("utf-8", errors="replace"))
            if chars > limits.max_context_chars:
                raise RestError(
                    400,
                    f"Input {name} of row {row} has {chars} characters, more than the {limits.max_context_chars} that "
                    "this server takes",
                )


def _row_costs(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Estimates the word pieces of each row; one number if the inputs differ in rows."""
    costs_of_inputs = [_costs_of_input(array) for array in inputs.values()]
    if len({len(found) for found in costs_of_inputs}) > 1:
        return np.array([sum(int(found.sum()) for found in costs_of_inputs)])
    are_texts = any(array.dtype == object for array in inputs.values())
    # The texts of a row are read one after the other. Inputs of numbers describe the same tokens.
    return np.sum(costs_of_inputs, axis=0) if are_texts else np.max(costs_of_inputs, axis=0)


def _costs_of_input(array: np.ndarray) -> np.ndarray:
    num_rows = len(array) if array.ndim else 1
    if not array.size or array.dtype != object:
        return np.full(num_rows, array.size // max(1, num_rows), np.int64)
    rows = array.reshape(num_rows, -1)
    return np.array([sum(costs.word_pieces(value) for value in row) for row in rows], np.int64)


def _shown_shape(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"
