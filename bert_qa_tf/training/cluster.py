"""Several machines in one training: who writes, and what all of them must agree on.

What goes in: the strategy. What comes out: this process's role, barriers and checks. Which machines there are is
TF_CONFIG's, and adding up their gradients `tf.distribute`'s.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from bert_qa_tf.errors import InputError

# What the workers that are left raise when one is gone.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError, tf.errors.CancelledError)


@dataclasses.dataclass(frozen=True)
class Role:
    """What this process does beside its share of the steps.

    Attributes:
      is_chief: whether it writes the run directory; the only process always does.
      index: of this worker; 0 where there is only one.
    """

    is_chief: bool
    index: int

    def say(self, line: str) -> None:
        """Prints a line, on the chief alone."""
        if self.is_chief:
            print(line, flush=True)


ALONE = Role(is_chief=True, index=0)


def in_cluster(strategy: tf.distribute.Strategy) -> bool:
    """Whether several processes train together."""
    return strategy.extended._in_multi_worker_mode()


def role(strategy: tf.distribute.Strategy) -> Role:
    """What this process does in a training under `strategy`."""
    if not in_cluster(strategy):
        return ALONE
    resolver = strategy.cluster_resolver
    has_chief = "chief" in resolver.cluster_spec().jobs
    is_chief = resolver.task_type == "chief" or (not has_chief and resolver.task_id == 0)
    # A chief of its own kind leaves number 0 to the first worker: scratch folders are named by this.
    return Role(is_chief, resolver.task_id + (1 if has_chief and resolver.task_type == "worker" else 0))


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Returns when every worker has come here."""
    if in_cluster(strategy):
        _gather(strategy, 0)


def check_agreement(strategy: tf.distribute.Strategy, step: int, model_dir: str) -> None:
    """Refuses to go on where the workers stand at different steps.

    Raises:
      InputError: they do: they do not see the same run directory.
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
    """Each replica's value, `<int32>[replicas]`."""

    def of_replica() -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        return context.all_gather(tf.constant([value]), axis=0)

    return strategy.experimental_local_results(strategy.run(tf.function(of_replica)))[0].numpy()


@contextlib.contextmanager
def naming_lost_workers() -> Iterator[None]:
    """Around a training: what TensorFlow raises when another worker is gone becomes one line."""
    try:
        yield
    except _LOST as error:
        raise InputError(
            f"another worker stopped answering ({str(error).splitlines()[0][:200]}); start all workers again with the "
            "same commands: training goes on from the last checkpoint"
        ) from error
