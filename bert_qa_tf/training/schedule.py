"""Assigns records to batches of static shapes, as a pure function of their lengths, the seed and the epoch.

The schedule has no state: to resume, training continues in the schedule at the global step.

Records are grouped by length. Records that do not fill the last batch of a group move up to the next longer group:

    batches of 4    lengths ≤ 104: ●●●● ●●●● ●●       ≤ 144: ○○○○ ○○○○ ○○○
    become          104: ●●●● ●●●●                     144: ●●○○ ○○○○ ○○○○ ○·     · is a row of weight 0

So an epoch has as many steps as without groups, and all of its batches except for one are full.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from bert_qa_tf.errors import InputError

# Bucket lengths are multiples of this, because matrix units work on tiles of at least 8 rows.
_LENGTH_MULTIPLE = 8


@dataclasses.dataclass(frozen=True)
class ScheduledBatch:
    """One global batch.

    Attributes:
      bucket_length: the length that all rows are padded to.
      record_ids: the numbers of the records, `<int64>[≤ batch_size]`.
    """

    bucket_length: int
    record_ids: np.ndarray


def choose_buckets(lengths: np.ndarray, max_buckets: int, global_batch_size: int = 1) -> tuple[int, ...]:
    """Chooses at most `max_buckets` bucket lengths that minimize the number of computed tokens in an epoch.

    The result is optimal. It is found by dynamic programming over the multiples of 8 that occur, which are few (48 at
    384 tokens).

    Args:
      lengths: `<int32>[num_records]`, the number of word pieces of each window.
      max_buckets: the largest number of static shapes.
      global_batch_size: the rows of a batch.

    Returns:
      The bucket lengths, ascending. The last one is the length of the longest window, and each has a batch.
    """
    # No bucket is longer than the longest window, because the encoder may have no further positions.
    rounded = np.minimum(-(-np.asarray(lengths) // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE, np.max(lengths))
    sizes = np.unique(rounded)
    num = len(sizes)
    # batches[j]: the number of batches of the windows up to the j-th size.
    batches = np.concatenate([[0], _batches_up_to(rounded, sizes, global_batch_size)])
    # cost[j]: the fewest computed tokens for the j shortest sizes with the buckets so far.
    # choices[b][j]: the size at which the last bucket then starts.
    cost = np.full(num + 1, np.inf)
    cost[0] = 0.0
    choices = []
    for _ in range(min(max_buckets, num)):
        best = np.full(num + 1, np.inf)
        choice = np.zeros(num + 1, np.int64)
        best[0] = 0.0
        for j in range(1, num + 1):
            totals = cost[:j] + (batches[j] - batches[:j]) * float(sizes[j - 1])
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
    return _with_batches(lengths, sorted(buckets), global_batch_size)


def check_buckets(lengths: np.ndarray, wanted: Sequence[int], global_batch_size: int) -> tuple[int, ...]:
    """Returns those of a user's bucket lengths for which an epoch has batches.

    Args:
      lengths: `<int32>[num_records]`, the number of word pieces of each window.
      wanted: the user's bucket lengths, ascending.
      global_batch_size: the rows of a batch.

    Raises:
      InputError: a window is longer than all buckets.
    """
    longest = int(np.max(lengths))
    if longest > wanted[-1]:
        named = ",".join(map(str, wanted))
        raise InputError(
            f"length_buckets={named}: the longest window has {longest} word pieces, expected a bucket that holds it"
        )
    # Buckets beyond the one for the longest window are never used.
    needed = wanted[: int(np.searchsorted(wanted, longest)) + 1]
    return _with_batches(lengths, needed, global_batch_size)


def _batches_up_to(lengths: np.ndarray, buckets: Sequence[int], global_batch_size: int) -> np.ndarray:
    """Returns the total number of batches of each bucket and all shorter ones, `<int64>[num_buckets]`."""
    records = np.searchsorted(np.sort(lengths), buckets, side="right")
    batches = records // global_batch_size
    batches[-1] = -(-records[-1] // global_batch_size)
    return batches


def _with_batches(lengths: np.ndarray, buckets: Sequence[int], global_batch_size: int) -> tuple[int, ...]:
    """Returns the buckets that have a batch; all records of any other bucket move up."""
    counts = np.diff(_batches_up_to(lengths, buckets, global_batch_size), prepend=0)
    return tuple(int(length) for length, count in zip(buckets, counts, strict=True) if count)


def schedule(
    lengths: np.ndarray, buckets: Sequence[int], global_batch_size: int, seed: int, epoch: int, steps_per_run: int = 1
) -> list[ScheduledBatch]:
    """Returns the batches of one epoch; every record is in exactly one batch.

    The records are shuffled, assigned to their buckets in that order and split into batches. The remaining records of a
    bucket become the first rows of the next longer one. The last batch of the longest bucket may be short; it is never
    dropped, but filled with rows of weight 0. The order of the batches is random, but the batches of each bucket are
    spread over the whole epoch, so that no part of an epoch has longer windows than another.

    Of the pairs of records that share a batch, a share of about buckets · (batch − 1) / records does so again in the
    next epoch.

    Args:
      lengths: `<int32>[num_records]`, the number of word pieces of each window.
      buckets: the bucket lengths, ascending, from `choose_buckets`.
      global_batch_size: the rows of one optimizer step over all replicas.
      seed: the run's seed.
      epoch: the number of the epoch, counted from 0.
      steps_per_run: the number of consecutive batches of one length, for a device that runs several steps in one call.
    """
    generator = np.random.Generator(np.random.PCG64([seed, epoch]))
    order = generator.permutation(len(lengths))
    bucket_of = np.searchsorted(buckets, np.asarray(lengths)[order])
    batches, places = [], []
    left = order[:0]
    for index, length in enumerate(buckets):
        members = np.concatenate([left, order[bucket_of == index]])
        is_last = index == len(buckets) - 1
        end = len(members) if is_last else len(members) // global_batch_size * global_batch_size
        starts = range(0, end, global_batch_size)
        batches += [ScheduledBatch(int(length), members[i : min(i + global_batch_size, end)]) for i in starts]
        # Each of n runs gets a random place in its own n-th part of the epoch.
        runs = -(-len(starts) // steps_per_run)
        places_of_runs = (generator.permutation(runs) + generator.random(runs)) / max(runs, 1)
        places.append(np.repeat(places_of_runs, steps_per_run)[: len(starts)])
        left = members[end:]
    return [batches[i] for i in np.argsort(np.concatenate(places), kind="stable")]


class TrainingSchedule:
    """The batches of a whole training, by step.

    Training records may come in several copies. Each copy has all questions, with different simulated errors in the
    texts. An epoch uses one copy, the next epoch the next copy, and after the last copy the first one is used again.

    Args:
      lengths: `<int32>[num_records]`, the number of word pieces of each training window.
      max_buckets: the largest number of static shapes, which are then chosen for the lengths; or the shapes themselves,
        ascending.
      global_batch_size: the rows of one optimizer step over all replicas.
      num_epochs: passes over the windows, or over one copy of them.
      max_steps: stop there; None for no limit.
      seed: the run's seed.
      steps_per_run: the number of consecutive batches of one length.
      copies: `<uint8>[num_records]`, the number of the copy that each record belongs to; None for a single copy.
      max_records: use only the first records of each copy, at most this many; None for all.

    Attributes:
      lengths: the lengths, as given.
      buckets: the static shapes; each has at least one batch in some copy.
      num_copies: the number of copies of the windows.
      num_windows: the number of windows that are used, in all copies together.
      total_steps: the number of steps of the training.

    Raises:
      InputError: a window is longer than all given shapes.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        max_buckets: int | Sequence[int],
        global_batch_size: int,
        num_epochs: int,
        max_steps: int | None,
        seed: int,
        steps_per_run: int = 1,
        copies: np.ndarray | None = None,
        max_records: int | None = None,
    ) -> None:
        self.lengths = lengths
        self.global_batch_size = global_batch_size
        copies = np.zeros(len(lengths), np.uint8) if copies is None else copies
        self._records = [np.flatnonzero(copies == copy)[:max_records] for copy in range(int(copies.max()) + 1)]
        self.num_copies = len(self._records)
        taken = lengths[np.concatenate(self._records)]
        self.num_windows = len(taken)
        self._num_tokens = int(taken.sum())
        # All copies share one set of shapes, so that each shape is compiled once. With this batch size, each chosen
        # shape has a batch in every copy if the copies have similar lengths.
        if isinstance(max_buckets, int):
            self.buckets = choose_buckets(taken, max_buckets, global_batch_size * self.num_copies)
        else:
            self.buckets = check_buckets(taken, max_buckets, global_batch_size * self.num_copies)
        # _steps_before[c]: the steps of the epochs before the epoch of copy c, in a round of all copies.
        steps = [-(-len(records) // global_batch_size) for records in self._records]
        self._steps_before = np.concatenate([[0], np.cumsum(steps)])
        whole = self._first_step(num_epochs)
        self.total_steps = whole if max_steps is None else min(whole, max_steps)
        self._seed = seed
        self._steps_per_run = steps_per_run
        self._epoch = -1
        self._batches: list[ScheduledBatch] = []

    @property
    def epoch_ends(self) -> list[int]:
        """The step after which each epoch ends; the last epoch ends with the training."""
        ends = [self._first_step(1)]
        while ends[-1] < self.total_steps:
            ends.append(self._first_step(len(ends) + 1))
        return [*ends[:-1], self.total_steps]

    @property
    def padding_efficiency(self) -> float:
        """Real tokens / computed tokens in one epoch of each copy, including filler rows of last batches."""
        computed = self.global_batch_size * sum(
            int(np.dot(self.buckets, self.batches_per_bucket(copy))) for copy in range(self.num_copies)
        )
        return self._num_tokens / computed

    def steps_in_epoch(self, epoch: int) -> int:
        """Returns the number of steps of an epoch (counted from 0); it depends on the copy but not on the buckets."""
        return -(-len(self._of_epoch(epoch)) // self.global_batch_size)

    def batches_per_bucket(self, epoch: int) -> tuple[int, ...]:
        """Returns the number of batches of each shape in an epoch; it is the same in every epoch of the same copy."""
        up_to = _batches_up_to(self.lengths[self._of_epoch(epoch)], self.buckets, self.global_batch_size)
        return tuple(int(count) for count in np.diff(up_to, prepend=0))

    def epochs_at(self, step: int) -> float:
        """Returns the number of epochs in `step` steps: 1.5 in the middle of the second epoch."""
        epoch, index = self._place(step)
        return epoch + index / self.steps_in_epoch(epoch)

    def batch_at(self, step: int) -> ScheduledBatch:
        """Returns the batch of optimizer step `step`, counted from 0."""
        epoch, index = self._place(step)
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self.epoch_batches(epoch)
        return self._batches[index]

    def epoch_batches(self, epoch: int) -> list[ScheduledBatch]:
        """Returns all batches of an epoch (counted from 0), in their order."""
        records = self._of_epoch(epoch)
        batches = schedule(
            self.lengths[records], self.buckets, self.global_batch_size, self._seed, epoch, self._steps_per_run
        )
        return [dataclasses.replace(batch, record_ids=records[batch.record_ids]) for batch in batches]

    def _of_epoch(self, epoch: int) -> np.ndarray:
        """Returns the records of an epoch's copy, `<int64>[num_records_of_copy]`."""
        return self._records[epoch % self.num_copies]

    def _first_step(self, epoch: int) -> int:
        rounds, copy = divmod(epoch, self.num_copies)
        return int(rounds * self._steps_before[-1] + self._steps_before[copy])

    def _place(self, step: int) -> tuple[int, int]:
        """Returns the epoch of a step, and the number of the step in that epoch, both counted from 0."""
        rounds, rest = divmod(step, int(self._steps_before[-1]))
        copy = int(np.searchsorted(self._steps_before, rest, side="right")) - 1
        return rounds * self.num_copies + copy, rest - int(self._steps_before[copy])
