"""Converts tensors from and to JSON by the rules of TF Serving.

`predict_request.py` finds the tensors in a request.

Source: TF Serving's `util/json_tensor.cc`. Error messages have the same wording, but long values are truncated.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from bert_qa_tf.text.surrogates import replace_surrogates

_INTEGERS = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
_FLOATS = {"float32": np.float32, "float64": np.float64}
# TF Serving's error messages use TensorFlow's names of types.
_SHOWN_DTYPES = {"float32": "float", "float64": "double"}
_BYTES_SUFFIX = "_bytes"
# NumPy has at most 64 dimensions, and no signature has nearly as many.
_MAX_DEPTH = 32
_MAX_SHOWN = 100


class JsonTensorError(ValueError):
    """A JSON value is not the expected tensor."""


# === From JSON ===


def to_array(value: Any, dtype: str) -> np.ndarray:
    """Converts a scalar or nested lists to an array.

    Args:
      value: parsed JSON; a string may also be `{"b64": "<base64>"}`.
      dtype: a TensorFlow dtype's name; strings become bytes in an array of objects.

    Returns:
      The array; its shape follows from the nesting of the value and its first elements.

    Raises:
      JsonTensorError: the lists are ragged, or a value does not have this type.
    """
    shape = tuple(_sizes(value))
    if len(shape) > _MAX_DEPTH:
        raise JsonTensorError(f"Lists are nested {len(shape)} deep, more than the {_MAX_DEPTH} that are read")
    flat = list(_flatten(value, shape, dtype, 0))
    if dtype == "string":
        array = np.empty(len(flat), object)
        array[:] = flat
    else:
        array = np.array(flat, np.dtype(dtype))
    return array.reshape(shape)


def is_base64(value: Any) -> bool:
    """Returns whether a value is an encoded string, `{"b64": "<base64>"}`, rather than an object of named tensors."""
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def shown(value: Any) -> str:
    """Formats a JSON value for an error message and truncates it if it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _sizes(value: Any) -> Iterator[int]:
    while isinstance(value, list):
        yield len(value)
        if not value:
            return
        value = value[0]


def _flatten(value: Any, shape: tuple[int, ...], dtype: str, level: int) -> Iterator[Any]:
    if not isinstance(value, list):
        if level != len(shape):
            raise JsonTensorError(
                f"JSON Value: {shown(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        yield _scalar(value, dtype)
        return
    if level >= len(shape):
        raise JsonTensorError(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise JsonTensorError(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for item in value:
        yield from _flatten(item, shape, dtype, level + 1)


def _scalar(value: Any, dtype: str) -> Any:
    if dtype == "string":
        if isinstance(value, str):
            return replace_surrogates(value).encode("utf-8")
        if isinstance(value, dict):
            return _decode_base64(value)
    elif dtype == "bool":
        if isinstance(value, bool):
            return value
    elif isinstance(value, int | float) and not isinstance(value, bool):  # in Python, True is an int
        if dtype in _FLOATS:
            return _float(value, dtype)
        if dtype in _INTEGERS and isinstance(value, int):
            limits = np.iinfo(dtype)
            if limits.min <= value <= limits.max:
                return value
    raise JsonTensorError(
        f"JSON Value: {shown(value)} Type: {_type_name(value)} is not of expected type: "
        f"{_SHOWN_DTYPES.get(dtype, dtype)}"
    )


def _decode_base64(value: dict) -> bytes:
    if not is_base64(value):
        raise JsonTensorError(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise JsonTensorError("Unable to base64 decode") from error


def _float(value: float, dtype: str) -> float:
    limit = float(np.finfo(dtype).max)
    if value == value and abs(value) not in (float("inf"),) and abs(value) > limit:
        name = _SHOWN_DTYPES[dtype]
        raise JsonTensorError(f"Cannot convert JSON value: {shown(value)} to {name} without loss of precision.")
    return float(value)


def _type_name(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    names = {type(None): "Null", dict: "Object", list: "Array", str: "String", int: "Number", float: "Number"}
    return names[type(value)]


# === To JSON ===


def to_json(name: str, array: np.ndarray) -> Any:
    """Converts an array to nested lists that `json.dumps` can write.

    The strings of a tensor whose name ends in `_bytes` become `{"b64": "<base64>"}`.

    Args:
      name: the tensor's name in its signature.
      array: an array of any shape; strings are bytes in an array of objects.
    """
    if array.dtype == object:
        encode = _encode_base64 if name.endswith(_BYTES_SUFFIX) else _decode_utf8
        flat = np.empty(array.size, object)
        flat[:] = [encode(value) for value in array.reshape(-1)]
        return flat.reshape(array.shape).tolist()
    if array.dtype == np.float32:
        # Converts through the shortest text that reads back as the same float32: 0.2, not 0.20000000298023224.
        return array.astype("U32").astype(np.float64).tolist()
    return array.tolist()


def _encode_base64(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode("ascii")}


def _decode_utf8(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")
