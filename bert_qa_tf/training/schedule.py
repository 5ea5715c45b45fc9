"""Which records make which batch: a pure function of the lengths, the seed and the epoch.

What goes in: the length of every training window. What comes out: an epoch's batches, each of one static shape. Nothing
here remembers where training is: resuming means slicing the schedule at the global step.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

# Bucket lengths are multiples of this: matrix units work on tiles of at least 8 rows.
_LENGTH_MULTIPLE = 8


@dataclasses.dataclass(frozen=True)
class ScheduledBatch:
    """One global batch: the length all its rows are padded to, and the records in it, `<int64>[≤ batch_size]`."""

    bucket_length: int
    record_ids: np.ndarray


def choose_buckets(lengths: np.ndarray, max_buckets: int) -> tuple[int, ...]:
    """The bucket lengths, at most `max_buckets`, that leave the fewest padded tokens.

    Exact, by dynamic programming over the multiples of 8 that occur: few enough (48 at 384 tokens) to try all.

    Args:
      lengths: `<int32>[num_records]`, word pieces of each window.
      max_buckets: at most this many static shapes.

    Returns:
      Ascending lengths, the last one that of the longest window.
    """
    # Never beyond the longest window: the encoder may have no position left there.
    rounded = np.minimum(-(-np.asarray(lengths) // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE, np.max(lengths))
    sizes, counts = np.unique(rounded, return_counts=True)
    cumulative = np.concatenate([[0], np.cumsum(counts)])
    num = len(sizes)
    # cost[j]: fewest computed tokens for the j shortest sizes with the buckets so far; choice[b][j]: where the last
    # bucket starts.
    cost = np.full(num + 1, np.inf)
    cost[0] = 0.0
    choices = []
    for _ in range(min(max_buckets, num)):
        best = np.full(num + 1, np.inf)
        choice = np.zeros(num + 1, np.int64)
        best[0] = 0.0
        for j in range(1, num + 1):
            totals = cost[:j] + (cumulative[j] - cumulative[:j]) * float(sizes[j - 1])
            choice[j] = int(np.argmin(totals))
            best[j] = totals[choice[j]]
        cost = best
        choices.append(choice)
    buckets, j = [], num
    for choice in reversed(choices):
        if j == 0:
            break
        buckets.append(int(sizes[j - 1]))
        j = int(choice[j])
    return tuple(sorted(buckets))


def steps_per_epoch(lengths: np.ndarray, buckets: Sequence[int], global_batch_size: int) -> int:
    """Batches of one epoch: the same number every epoch, since each bucket always holds the same records."""
    counts = np.bincount(np.searchsorted(buckets, lengths), minlength=len(buckets))
    return int(np.sum(-(-counts // global_batch_size)))


def schedule(
    lengths: np.ndarray, buckets: Sequence[int], global_batch_size: int, seed: int, epoch: int
) -> list[ScheduledBatch]:
    """The batches of one epoch, every record in exactly one.

    The records are shuffled, dealt to their buckets in that order and cut into batches; then the batches are shuffled,
    so that lengths do not come in runs. The last batch of a bucket may be short: it is filled up with rows of weight 0,
    never dropped.

    Args:
      lengths: `<int32>[num_records]`.
      buckets: ascending, from `choose_buckets`.
      global_batch_size: rows of one optimizer step over all replicas.
      seed: of the run.
      epoch: 0 for the first.
    """
    generator = np.random.Generator(np.random.PCG64([seed, epoch]))
    order = generator.permutation(len(lengths))
    bucket_of = np.searchsorted(buckets, np.asarray(lengths)[order])
    batches = []
    for index, length in enumerate(buckets):
        members = order[bucket_of == index]
        batches += [
            ScheduledBatch(int(length), members[start : start + global_batch_size])
            for start in range(0, len(members), global_batch_size)
        ]
    return [batches[i] for i in generator.permutation(len(batches))]


class TrainingSchedule:
    """The batches of a whole training, by step.

    Args:
      lengths: `<int32>[num_records]`, word pieces of each training window.
      max_buckets: at most this many static shapes.
      global_batch_size: rows of one optimizer step over all replicas.
      num_epochs: passes over the windows.
      max_steps: stop there; None for no limit.
      seed: of the run.

    Attributes:
      lengths: as given.
      buckets: the static shapes.
      steps_per_epoch: the same in every epoch.
      total_steps: of the training.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        max_buckets: int,
        global_batch_size: int,
        num_epochs: int,
        max_steps: int | None,
        seed: int,
    ) -> None:
        self.lengths = lengths
        self.buckets = choose_buckets(lengths, max_buckets)
        self.global_batch_size = global_batch_size
        self.steps_per_epoch = steps_per_epoch(lengths, self.buckets, global_batch_size)
        whole = self.steps_per_epoch * num_epochs
        self.total_steps = whole if max_steps is None else min(whole, max_steps)
        self._seed = seed
        self._epoch = -1
        self._batches: list[ScheduledBatch] = []

    @property
    def epoch_ends(self) -> list[int]:
        """The step after which each epoch ends; the last one where training does."""
        epochs = math.ceil(self.total_steps / self.steps_per_epoch)
        return [min(self.steps_per_epoch * (epoch + 1), self.total_steps) for epoch in range(epochs)]

    @property
    def padding_efficiency(self) -> float:
        """Real tokens / computed tokens of an epoch, the filling of short batches included."""
        computed = sum(batch.bucket_length for batch in self._epoch_batches(0)) * self.global_batch_size
        return float(self.lengths.sum()) / computed

    def batch_at(self, step: int) -> ScheduledBatch:
        """The batch of optimizer step `step`, counted from 0."""
        epoch, index = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._epoch_batches(epoch)
        return self._batches[index]

    def _epoch_batches(self, epoch: int) -> list[ScheduledBatch]:
        return schedule(self.lengths, self.buckets, self.global_batch_size, self._seed, epoch)
