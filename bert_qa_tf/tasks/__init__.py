"""Registers the tasks that a model can be trained for; each has its own folder and implements `base.py:Task`.

Importing this package imports no TensorFlow, and neither does a task's `task.py`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bert_qa_tf.errors import InputError

if TYPE_CHECKING:
    from bert_qa_tf.tasks.base import Task

DEFAULT_TASK = "question_answering"
# Task name → class. A task outside the package is named like the values here: `package.module:Class`.
_REGISTERED = {
    "question_answering": "bert_qa_tf.tasks.question_answering.task:QuestionAnswering",
    "classification": "bert_qa_tf.tasks.classification.task:Classification",
}
_CLASS_NAME = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*)")
_MAX_NAME_CHARS = 200


def names() -> tuple[str, ...]:
    """The names of the registered tasks."""
    return tuple(_REGISTERED)


def find(name: str) -> type[Task]:
    """Returns the class of a task.

    Args:
      name: a registered name, or `package.module:Class` of a task that is defined elsewhere.

    Raises:
      InputError: no such task exists.
    """
    from bert_qa_tf.tasks.base import Task

    expected = f"expected one of {', '.join(names())}, or package.module:Class for a task outside the package"
    found_name = _CLASS_NAME.fullmatch(_REGISTERED.get(name, name))
    if found_name is None or len(name) > _MAX_NAME_CHARS:
        raise InputError(f"task {name[:_MAX_NAME_CHARS]!r}: {expected}")
    module, class_name = found_name.groups()
    try:
        found = getattr(importlib.import_module(module), class_name)
    except (AttributeError, ImportError, ValueError) as error:
        raise InputError(f"task {name!r}: {error}; {expected}") from error
    if not isinstance(found, type) or not issubclass(found, Task):
        raise InputError(f"task {name!r}: not a subclass of bert_qa_tf.tasks.base.Task; {expected}")
    return found


def all_tasks() -> list[type[Task]]:
    """The classes of the registered tasks."""
    return [find(name) for name in names()]


def of_served_inputs(inputs: Iterable[str]) -> type[Task] | None:
    """The registered task whose exported models take these inputs; None if no task does."""
    wanted = set(inputs)
    return next((task for task in all_tasks() if set(task.served_inputs) == wanted), None)
