"""Reads the file of a SavedModel without loading the model, and without tensorflow-text."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, protos


def path_of(path: str) -> str:
    """Returns the path of a SavedModel's file.

    Raises:
      InputError: the folder holds none.
    """
    if not tf.io.gfile.exists(f"{path}/saved_model.pb"):
        versions = [name.rstrip("/") for name in tf.io.gfile.listdir(path)] if tf.io.gfile.isdir(path) else []
        numbers = sorted(int(name) for name in versions if name.isdigit())
        hint = f", such as {path}/{numbers[-1]}" if numbers else ""
        raise InputError(f"{path}: no saved_model.pb here; expected the version folder that `export` wrote{hint}")
    return f"{path}/saved_model.pb"


def read(path: str) -> saved_model_pb2.SavedModel:
    """Parses the file of a SavedModel, which has at least one graph.

    Raises:
      InputError: there is no SavedModel at `path`, or its file is damaged.
    """
    file = path_of(path)
    model = protos.parse(saved_model_pb2.SavedModel, files.read_bytes(file), file, "SavedModel")
    if not model.meta_graphs:
        raise InputError(f"{file}: holds no graph, expected a SavedModel")
    return model
