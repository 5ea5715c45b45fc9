"""Finds the task of an exported model from a file beside it, or from its inputs if there is no such file.

TensorFlow is imported only if the file is missing.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterable

from bert_qa_tf import tasks
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import cache, files
from bert_qa_tf.tasks.base import Task

# The file is in the folder of extra assets.
TASK_FILE = "assets.extra/task.json"


def content(task: type[Task]) -> str:
    """Returns the content of `TASK_FILE`."""
    return json.dumps({"task": task.name}) + "\n"


def task_of_export(path: str, *, trust: bool = False) -> type[Task]:
    """Returns the task of an exported model.

    Args:
      path: the model's version folder.
      trust: whether the user trusts the model; see `ExportedModel`.

    Raises:
      InputError: there is no model, no known task takes its inputs, or it comes from elsewhere and names Python code.
    """
    file = f"{path}/{TASK_FILE}"
    if files.exists(file):
        name = files.read_json(file).get("task")
        if not isinstance(name, str):
            raise InputError(f"{file}: `task` is {name!r}, expected the name of one")
        if ":" in name and not trust and _is_of_others(path):
            _check_trust(path, name)
        return tasks.find(name)
    from bert_qa_tf.exporting.exported_model import signature_inputs

    inputs = signature_inputs(path)
    if "serving_default" not in inputs:
        found = ", ".join(sorted(inputs)) or "none"
        raise InputError(
            f"{path}: no signature `serving_default` (found: {found}); expected the version folder of a model that "
            "takes text"
        )
    return task_of_inputs(path, inputs["serving_default"])


def _is_of_others(path: str) -> bool:
    """Returns whether a model is remote, or was unpacked from an archive."""
    return files.is_remote(path) or cache.cache_dir().resolve() in pathlib.Path(path).resolve().parents


def _check_trust(path: str, name: str) -> None:
    from bert_qa_tf.storage import saved_model_trust

    if not saved_model_trust.is_trusted(path):
        raise InputError(
            f"{path}/{TASK_FILE}: names Python code to import as its task, {name!r}. If you trust whoever made this "
            "model, add --trust"
        )


def task_of_inputs(source: str, inputs: Iterable[str]) -> type[Task]:
    """Returns the task whose models take these inputs.

    Args:
      source: the model's path or address, for the error message.
      inputs: the inputs of its `serving_default` signature.

    Raises:
      InputError: no known task takes these inputs.
    """
    task = tasks.of_served_inputs(inputs)
    if task is None:
        raise InputError(f"{source}: takes {', '.join(sorted(inputs))}, which no task here does")
    return task
