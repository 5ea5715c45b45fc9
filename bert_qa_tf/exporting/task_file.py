"""Finds the task of an exported model from a file beside it, or from its inputs if there is no such file.

TensorFlow is imported only if the file is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from bert_qa_tf import tasks
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files
from bert_qa_tf.tasks.base import Task

# The file is in the folder of extra assets.
TASK_FILE = "assets.extra/task.json"


def content(task: type[Task]) -> str:
    """Returns the content of `TASK_FILE`."""
    return json.dumps({"task": task.name}) + "\n"


def task_of_export(path: str) -> type[Task]:
    """Returns the task of an exported model.

    Args:
      path: the model's version folder.

    Raises:
      InputError: there is no model, or no known task takes its inputs.
    """
    file = f"{path}/{TASK_FILE}"
    if files.exists(file):
        name = files.read_json(file).get("task")
        if not isinstance(name, str):
            raise InputError(f"{file}: `task` is {name!r}, expected the name of one")
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
