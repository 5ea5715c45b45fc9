"""Coordinates the workers of a multi-machine training: their roles, barriers and consistency checks.

TF_CONFIG lists the machines, and `tf.distribute` sums their gradients.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from bert_qa_tf.errors import InputError

# The errors that the remaining workers raise when one is lost.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError, tf.errors.CancelledError)


@dataclasses.dataclass(frozen=True)
class Role:
    """The role of this process.

    Attributes:
      is_chief: whether the process writes the run directory; a single process is always the chief.
      index: the number of this worker; 0 if there is only one.
    """

    is_chief: bool
    index: int

    def say(self, line: str) -> None:
        """Prints a line if this process is the chief."""
        if self.is_chief:
            print(line, flush=True)


ALONE = Role(is_chief=True, index=0)


def in_cluster(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether several processes train together."""
    return strategy.extended._in_multi_worker_mode()


def role(strategy: tf.distribute.Strategy) -> Role:
    """Returns the role of this process under `strategy`."""
    if not in_cluster(strategy):
        return ALONE
    resolver = strategy.cluster_resolver
    has_chief = "chief" in resolver.cluster_spec().jobs
    is_chief = resolver.task_type == "chief" or (not has_chief and resolver.task_id == 0)
    # If there is a separate chief job, the workers' own numbers start at 0 too. They are moved up by one, because the
    # numbers name scratch folders and must be unique.
    return Role(is_chief, resolver.task_id + (1 if has_chief and resolver.task_type == "worker" else 0))


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Blocks until every worker has called this function."""
    if in_cluster(strategy):
        _gather(strategy, 0)


def check_agreement(strategy: tf.distribute.Strategy, step: int, model_dir: str) -> None:
    """Checks that all workers are at the same step.

    Args:
      strategy: the strategy of the training.
      step: this worker's step.
      model_dir: the run directory, for the error message.

    Raises:
      InputError: the steps differ, so the workers do not share the run directory.
    """
    if not in_cluster(strategy):
        return
    steps = sorted(set(_gather(strategy, step).tolist()))
    if len(steps) > 1:
        raise InputError(
            f"{model_dir}: the workers found checkpoints of different steps ({steps[0]} and {steps[-1]}); --model_dir "
            "has to be a folder that all of them share"
        )


def _gather(strategy: tf.distribute.Strategy, value: int) -> np.ndarray:
    """Returns each replica's value, `<int32>[replicas]`."""

    def of_replica() -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        return context.all_gather(tf.constant([value]), axis=0)

    return strategy.experimental_local_results(strategy.run(tf.function(of_replica)))[0].numpy()


@contextlib.contextmanager
def naming_lost_workers() -> Iterator[None]:
    """Converts the errors that TensorFlow raises when another worker is lost into an `InputError` of one line."""
    try:
        yield
    except _LOST as error:
        raise InputError(
            f"another worker stopped answering ({str(error).splitlines()[0][:200]}); start all workers again with the "
            "same commands: training goes on from the last checkpoint"
        ) from error
