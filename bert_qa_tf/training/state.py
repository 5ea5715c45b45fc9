"""What a training knows beside its weights, kept in each checkpoint.

What goes in: scores and seconds, as training goes. What comes out: the same after a resume, however it was stopped.
"""

from __future__ import annotations

import dataclasses
import json

import tensorflow as tf


@dataclasses.dataclass
class Progress:
    """Where a training stands.

    Attributes:
      best_score: the highest development score so far; None before the first.
      best_step: where it was reached.
      evaluations_since_best: how many have not beaten it.
      seconds: spent training and evaluating, by all processes that took part one after the other.
      first_loss: mean loss of the first steps that were reported; None before that.
    """

    best_score: float | None = None
    best_step: int | None = None
    evaluations_since_best: int = 0
    seconds: float = 0.0
    first_loss: float | None = None

    def offer(self, step: int, score: float) -> bool:
        """Takes a development score; returns whether it is the best so far."""
        if self.best_score is not None and score <= self.best_score:
            self.evaluations_since_best += 1
            return False
        self.best_score, self.best_step, self.evaluations_since_best = score, step, 0
        return True


class ProgressInCheckpoint(tf.train.experimental.PythonState):
    """Puts a `Progress` into a `tf.train.Checkpoint`, as JSON.

    Args:
      progress: is changed in place when a checkpoint is restored.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def serialize(self) -> str:
        """What a checkpoint holds."""
        return json.dumps(dataclasses.asdict(self._progress))

    def deserialize(self, string_value: bytes) -> None:
        """Takes what a checkpoint holds."""
        for name, value in json.loads(string_value).items():
            setattr(self._progress, name, value)
