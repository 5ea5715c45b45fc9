"""Loads a SavedModel that `export` wrote and runs it in this process."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of `serving_default`

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import archive, saved_model_file, task_file
from bert_qa_tf.storage import saved_model_trust
from bert_qa_tf.tasks.base import ReplyError, Task


def load(path: str, source: str | None = None) -> tf.Module:
    """Loads a SavedModel.

    Args:
      path: its folder.
      source: what the user asked for; see `saved_model_trust.check`.

    Raises:
      InputError: there is no SavedModel at `path`, it cannot be loaded, or it does what is refused.
    """
    saved_model_file.path_of(path)
    saved_model_trust.check(path, source)
    try:
        return tf.saved_model.load(path)
    except Exception as error:  # of a damaged file, TensorFlow raises nearly every type
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise InputError(f"{path}: cannot be loaded ({reason})") from error


def signature_inputs(path: str) -> dict[str, set[str]]:
    """Reads the signatures of a SavedModel, each with the names of its inputs, without loading the model.

    Raises:
      InputError: there is no SavedModel at `path`, or its file is damaged.
    """
    graphs = saved_model_file.read(path).meta_graphs
    signatures = {name: set(signature.inputs) for graph in graphs for name, signature in graph.signature_def.items()}
    return {name: inputs for name, inputs in signatures.items() if not name.startswith("__")}  # TensorFlow's own


class ExportedModel:
    """Answers a task's examples with the `serving_default` signature.

    Args:
      path: `<export_dir>/<name>/<version>`, or an archive of it; see `archive.locate`.
      batch_size: examples per call.
      trust: whether the user trusts the program of this model, whatever it does; see `saved_model_trust.py`.

    Attributes:
      module: the loaded SavedModel.

    Raises:
      InputError: there is no such SavedModel, it does not take text, or it is refused.
    """

    def __init__(self, path: str, batch_size: int = 32, *, trust: bool = False) -> None:
        self._path = archive.locate(path)
        if trust:
            saved_model_trust.trust(self._path)
        self.module = load(
            self._path, path
        )  # a reference is kept because a signature does not keep its variables alive
        if "serving_default" not in self.module.signatures:
            found = ", ".join(self.module.signatures) or "none"
            raise InputError(
                f"{self._path}: no signature `serving_default` (found: {found}); expected the version folder of a "
                "model that takes text"
            )
        self._serve = self.module.signatures["serving_default"]
        self._batch_size = batch_size

    @functools.cached_property
    def task(self) -> type[Task]:
        """The task of the model.

        Raises:
          InputError: no known task takes the model's inputs.
        """
        return task_file.task_of_export(self._path)

    def predict(self, columns: Mapping[str, Sequence[str]]) -> dict[str, list]:
        """Runs the signature once.

        Args:
          columns: texts by input name.

        Returns:
          By output name, a list with an entry for each text; strings are decoded.
        """
        outputs = self._serve(**{name: tf.constant(list(texts), tf.string) for name, texts in columns.items()})
        return {name: _decoded(values.numpy().tolist()) for name, values in outputs.items()}

    def answer(self, examples: Iterable[Any]) -> Iterator[Any]:
        """Answers the task's examples in batches.

        Yields:
          One answer for each example, in their order.

        Raises:
          InputError: the outputs are not those of an export of its task.
        """
        task, examples = self.task, iter(examples)
        while batch := list(itertools.islice(examples, self._batch_size)):
            try:
                yield from task.from_columns(self.predict(task.to_columns(batch)), batch)
            except ReplyError as error:
                raise InputError(f"{self._path}: {error}") from error


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(entry) for entry in value]
    return value.decode("utf-8") if isinstance(value, bytes) else value
