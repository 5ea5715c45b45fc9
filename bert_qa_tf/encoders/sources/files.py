"""Small files beside an encoder's weights: bytes and JSON, from any file system TensorFlow knows."""

from __future__ import annotations

import json
from typing import Any

import tensorflow as tf

from bert_qa_tf.errors import InputError


def read_bytes(path: str) -> bytes:
    """The contents of a file, which may be remote.

    Raises:
      InputError: it cannot be read.
    """
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            return file.read()
    except tf.errors.NotFoundError as error:
        raise InputError(f"{path}: there is no such file, and it is needed") from error
    except tf.errors.OpError as error:
        raise InputError(f"{path}: cannot read this file ({error.message.splitlines()[0]})") from error


def read_json(path: str) -> dict[str, Any]:
    """A JSON object from a file, which may be remote.

    Raises:
      InputError: the file cannot be read, or holds something else.
    """
    content = read_bytes(path)
    try:
        value = json.loads(content)
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value
