"""Keeps the state of a training other than its weights, such as the best score, in each checkpoint.

A resumed training continues with the same state.
"""

from __future__ import annotations

import dataclasses
import json

import tensorflow as tf

from bert_qa_tf.config import schema
from bert_qa_tf.storage import json_text


@dataclasses.dataclass
class Progress:
    """The progress of a training.

    Attributes:
      best_score: the highest development score so far; None before the first evaluation.
      best_step: the step at which it was reached.
      evaluations_since_best: the number of evaluations since then, none of which was better.
      seconds: the time spent on training and evaluation, over all resumed processes.
      first_loss: the mean loss of the first steps that were reported; None before that.
    """

    best_score: float | None = None
    best_step: int | None = None
    evaluations_since_best: int = 0
    seconds: float = 0.0
    first_loss: float | None = None

    def offer(self, step: int, score: float) -> bool:
        """Records a development score and returns whether it is the best so far."""
        if self.best_score is not None and score <= self.best_score:
            self.evaluations_since_best += 1
            return False
        self.best_score, self.best_step, self.evaluations_since_best = score, step, 0
        return True


class ProgressInCheckpoint(tf.train.experimental.PythonState):
    """Stores a `Progress` in a `tf.train.Checkpoint`, as JSON.

    Args:
      progress: the progress; changed in place when a checkpoint is restored.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def serialize(self) -> str:
        """Returns the JSON for a checkpoint."""
        return json.dumps(dataclasses.asdict(self._progress))

    def deserialize(self, string_value: bytes) -> None:
        """Restores the progress from the JSON of a checkpoint."""
        text = string_value.decode("utf-8", errors="replace")
        restored = schema.read(Progress, json_text.parse_at("progress", text, "what `train` wrote"), "progress")
        for name, value in dataclasses.asdict(restored).items():
            setattr(self._progress, name, value)
