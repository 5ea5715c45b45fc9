"""Holds a file of labelled texts to score on."""

from __future__ import annotations

import collections
import dataclasses
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bert_qa_tf.tasks.single_text.task import SingleTextTask


@dataclasses.dataclass(frozen=True)
class TextReference:
    """The labelled texts of a file.

    Attributes:
      path: the file.
      examples: its texts, with their labels.
    """

    path: str
    examples: list[Any]

    @classmethod
    def read(cls, task: type[SingleTextTask], path: str, options: Any) -> TextReference:
        """Reads a file.

        Args:
          task: the task, which reads the examples.
          path: the file, which may be remote.
          options: an instance of `task.reference_config`.

        Raises:
          InputError: see `SingleTextTask.read_examples`.
        """
        examples = task.read_examples(path, os.path.basename(path), options, collections.Counter())
        return cls(path, list(examples))

    @property
    def name(self) -> str:
        """The file's name."""
        return os.path.basename(self.path)
