"""Loads an exported model with all its signatures, for a server with TF Serving's API.

To use an exported model from Python, see `exporting/exported_model.py`.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

# Not among TensorFlow's public names. Nothing else stops a graph that is running.
from tensorflow.python.eager import cancellation

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import archive, saved_model_file, task_file
from bert_qa_tf.exporting.exported_model import load
from bert_qa_tf.serving.predict_request import DEFAULT_SIGNATURE, TensorSpec
from bert_qa_tf.serving.rest import RestError
from bert_qa_tf.storage import saved_model_trust
from bert_qa_tf.tasks.base import Task

# From TF Serving's `ToHTTPStatusCode`; all other errors get status 500.
_HTTP_STATUS = {
    tf.errors.CANCELLED: 499,
    tf.errors.INVALID_ARGUMENT: 400,
    tf.errors.DEADLINE_EXCEEDED: 504,
    tf.errors.NOT_FOUND: 404,
    tf.errors.RESOURCE_EXHAUSTED: 429,
    tf.errors.FAILED_PRECONDITION: 400,
    tf.errors.OUT_OF_RANGE: 400,
    tf.errors.UNIMPLEMENTED: 501,
    tf.errors.UNAVAILABLE: 503,
}
# Lines of an error message that state the place in the graph and not the error.
_PLACE = re.compile(r"^(Graph execution error|Detected at node|Node: |<stack traces|\s*\[\[\{\{node)")


class Cancellation:
    """Stops a call of `Servable.predict` from another thread, within a turn of some windows."""

    def __init__(self) -> None:
        self._manager = cancellation.CancellationManager()

    def cancel(self) -> None:
        """Stops the call that is in progress, and each that begins later."""
        self._manager.start_cancel()

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Applies to the calls that this thread makes in the context."""
        _of_thread.manager = self._manager
        try:
            yield
        finally:
            _of_thread.manager = None


class _OfThread(threading.local):
    manager: cancellation.CancellationManager | None = None


_of_thread = _OfThread()
# TensorFlow asks this function with each call. Its own keeps one manager for all threads, so that stopping one call
# would stop those of others.
cancellation.context = lambda: _of_thread.manager


class Servable:
    """A loaded SavedModel.

    Args:
      path: `<export_dir>/qa/<version>` or `<export_dir>/qa_ids/<version>`, which may be remote, or an archive; see
        `archive.locate`.
      trust: see `ExportedModel`.

    Attributes:
      path: the version folder.
      version: the folder's number; 1 if its name is not a number.
      signatures: name of a signature → name of an input → its dtype and shape.
      signature_defs: name → the `SignatureDef` in protobuf's JSON format.

    Raises:
      InputError: there is no such SavedModel, or it is refused.
    """

    def __init__(self, path: str, *, trust: bool = False) -> None:
        self.path = archive.locate(path).rstrip("/")
        if trust:
            saved_model_trust.trust(self.path)
        self._module = load(
            self.path, path
        )  # a reference is kept because a signature does not keep its variables alive
        name = pathlib.PurePosixPath(self.path).name
        self.version = int(name) if name.isascii() and name.isdigit() else 1
        self.signatures = {
            name: {key: _spec(tensor) for key, tensor in function.structured_input_signature[1].items()}
            for name, function in self._module.signatures.items()
        }
        self.signature_defs = _read_signature_defs(self.path)

    def answers_by_row(self, signature_name: str) -> bool:
        """Returns whether each row of the inputs has a row of each output, so that rows may be asked one by one."""
        function = self._module.signatures[signature_name]
        tensors = [*function.structured_input_signature[1].values(), *function.structured_outputs.values()]
        return all(tensor.shape.rank and tensor.shape[0] is None for tensor in tensors)

    def predict(
        self, signature_name: str, inputs: Mapping[str, np.ndarray], stop: Cancellation | None = None
    ) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
          signature_name: one of `signatures`.
          inputs: all inputs of the signature by name; strings are bytes in arrays of objects.
          stop: can stop the call.

        Returns:
          The outputs by name; strings are bytes in arrays of objects.

        Raises:
          RestError: the model raised an error, or was stopped.
        """
        specs = self.signatures[signature_name]
        try:
            with stop.applied() if stop else contextlib.nullcontext():
                outputs = self._module.signatures[signature_name](
                    **{name: tf.constant(array, specs[name].dtype) for name, array in inputs.items()}
                )
        except tf.errors.OpError as error:
            raise RestError(_HTTP_STATUS.get(error.error_code, 500), _reason(error)) from error
        return {name: outputs[name].numpy() for name in sorted(outputs)}

    def new_cancellation(self) -> Cancellation:
        """Returns what can stop calls of `predict`."""
        return Cancellation()

    def warm_up(self) -> None:
        """Runs the model once, so that the first request does not wait for the graph to be prepared."""
        specs = self.signatures.get(DEFAULT_SIGNATURE, {})
        if specs and all(spec.dtype == "string" for spec in specs.values()):
            self.predict(DEFAULT_SIGNATURE, {name: np.array([b"a"], object) for name in specs})

    @functools.cached_property
    def task(self) -> type[Task] | None:
        """The model's task; None if the task is not known or the model takes only token ids."""
        if DEFAULT_SIGNATURE not in self.signatures:
            return None
        try:
            return task_file.task_of_export(self.path)
        except InputError:
            return None


def _spec(tensor: tf.TensorSpec) -> TensorSpec:
    return TensorSpec(tensor.dtype.name, tuple(tensor.shape.as_list()))


def _read_signature_defs(path: str) -> dict[str, Any]:
    graphs = saved_model_file.read(path).meta_graphs
    graph = next((graph for graph in graphs if "serve" in graph.meta_info_def.tags), None)
    if graph is None:
        raise InputError(f"{path}: no graph with the tag `serve`; expected the version folder that `export` wrote")
    return {
        name: json_format.MessageToDict(
            graph.signature_def[name], preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        for name in sorted(graph.signature_def)
    }


def _reason(error: tf.errors.OpError) -> str:
    """Returns the line of a graph's error message that states the error and not its place."""
    lines = [line.strip() for line in error.message.splitlines() if line.strip() and not _PLACE.match(line)]
    return lines[0] if lines else type(error).__name__
