"""Which records make which batch: a pure function of the lengths, the seed and the epoch.

What goes in: the length of every training window. What comes out: an epoch's batches, each of one static shape. Nothing
here remembers where training is: resuming means slicing the schedule at the global step.

Records are grouped by length, and what does not fill a group's last batch moves up to the next longer group:

    batches of 4    lengths ≤ 104: ●●●● ●●●● ●●       ≤ 144: ○○○○ ○○○○ ○○○
    become          104: ●●●● ●●●●                     144: ●●○○ ○○○○ ○○○○ ○·     · is a row of weight 0

So an epoch has as many steps as it would have without groups, and all of its batches but one are full.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from bert_qa_tf.errors import InputError

# Bucket lengths are multiples of this: matrix units work on tiles of at least 8 rows.
_LENGTH_MULTIPLE = 8


@dataclasses.dataclass(frozen=True)
class ScheduledBatch:
    """One global batch: the length all its rows are padded to, and the records in it, `<int64>[≤ batch_size]`."""

    bucket_length: int
    record_ids: np.ndarray


def choose_buckets(lengths: np.ndarray, max_buckets: int, global_batch_size: int = 1) -> tuple[int, ...]:
    """The bucket lengths, at most `max_buckets`, with which an epoch computes the fewest tokens.

    Exact, by dynamic programming over the multiples of 8 that occur: few enough (48 at 384 tokens) to try all.

    Args:
      lengths: `<int32>[num_records]`, word pieces of each window.
      max_buckets: at most this many static shapes.
      global_batch_size: rows of a batch.

    Returns:
      Ascending lengths, the last one that of the longest window; each has a batch.
    """
    # Never beyond the longest window: the encoder may have no position left there.
    rounded = np.minimum(-(-np.asarray(lengths) // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE, np.max(lengths))
    sizes = np.unique(rounded)
    num = len(sizes)
    # batches[j]: how many the windows up to the j-th size make.
    batches = np.concatenate([[0], _batches_up_to(rounded, sizes, global_batch_size)])
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
    """Those of the bucket lengths a user named that an epoch has batches of.

    Args:
      lengths: `<int32>[num_records]`, word pieces of each window.
      wanted: ascending.
      global_batch_size: rows of a batch.

    Raises:
      InputError: a window is longer than all of them.
    """
    longest = int(np.max(lengths))
    if longest > wanted[-1]:
        named = ",".join(map(str, wanted))
        raise InputError(
            f"length_buckets={named}: the longest window has {longest} word pieces, expected a bucket that holds it"
        )
    # A longer one than the longest window needs is never used.
    needed = wanted[: int(np.searchsorted(wanted, longest)) + 1]
    return _with_batches(lengths, needed, global_batch_size)


def _batches_up_to(lengths: np.ndarray, buckets: Sequence[int], global_batch_size: int) -> np.ndarray:
    """How many batches each bucket and all shorter ones have together, `<int64>[num_buckets]`."""
    records = np.searchsorted(np.sort(lengths), buckets, side="right")
    batches = records // global_batch_size
    batches[-1] = -(-records[-1] // global_batch_size)
    return batches


def _with_batches(lengths: np.ndarray, buckets: Sequence[int], global_batch_size: int) -> tuple[int, ...]:
    """The buckets that have a batch: all records of another one move up."""
    counts = np.diff(_batches_up_to(lengths, buckets, global_batch_size), prepend=0)
    return tuple(int(length) for length, count in zip(buckets, counts, strict=True) if count)


def schedule(
    lengths: np.ndarray, buckets: Sequence[int], global_batch_size: int, seed: int, epoch: int, steps_per_run: int = 1
) -> list[ScheduledBatch]:
    """The batches of one epoch, every record in exactly one.

    The records are shuffled, dealt to their buckets in that order and cut into batches. What is left of a bucket makes
    the first rows of the next longer one; the last batch of the longest may be short: it is filled up with rows of
    weight 0, never dropped. The order of the batches is random, but every bucket's are spread over the whole epoch:
    lengths do not come in runs, and no stretch of an epoch is of longer windows than another.

    Of the pairs of records that share a batch, about buckets · (batch − 1) / records do so in the next epoch again.

    Args:
      lengths: `<int32>[num_records]`.
      buckets: ascending, from `choose_buckets`.
      global_batch_size: rows of one optimizer step over all replicas.
      seed: of the run.
      epoch: 0 for the first.
      steps_per_run: batches of one length that follow each other, for a device that takes several steps in one call.
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
        # Of n runs, one anywhere in each n-th of the epoch.
        runs = -(-len(starts) // steps_per_run)
        places_of_runs = (generator.permutation(runs) + generator.random(runs)) / max(runs, 1)
        places.append(np.repeat(places_of_runs, steps_per_run)[: len(starts)])
        left = members[end:]
    return [batches[i] for i in np.argsort(np.concatenate(places), kind="stable")]


class TrainingSchedule:
    """The batches of a whole training, by step.

    Training records may come in copies, each of all questions with other simulated errors in their texts: an epoch then
    takes one of them, the next epoch the next, and after the last the first again.

    Args:
      lengths: `<int32>[num_records]`, word pieces of each training window.
      max_buckets: at most this many static shapes, chosen for the lengths; or the shapes themselves, ascending.
      global_batch_size: rows of one optimizer step over all replicas.
      num_epochs: passes over the windows, or over a copy of them.
      max_steps: stop there; None for no limit.
      seed: of the run.
      steps_per_run: batches of one length that follow each other.
      copies: `<uint8>[num_records]`, which copy each record is of; None for one copy.
      max_records: take the first so many of each copy only; None for all.

    Attributes:
      lengths: as given.
      buckets: the static shapes; each has a batch at least, in one copy or another.
      num_copies: of the windows.
      num_windows: that are trained on, of all copies together.
      total_steps: of the training.

    Raises:
      InputError: a window is longer than all of the shapes that were given.
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
        # All copies share one set of shapes, so that each is compiled once: with this batch size, a shape that is
        # chosen has a batch in every copy, if they are alike.
        if isinstance(max_buckets, int):
            self.buckets = choose_buckets(taken, max_buckets, global_batch_size * self.num_copies)
        else:
            self.buckets = check_buckets(taken, max_buckets, global_batch_size * self.num_copies)
        # steps_before[c]: steps of the epochs before copy c's; a round of all copies is repeated.
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
        """The step after which each epoch ends; the last one where training does."""
        ends = [self._first_step(1)]
        while ends[-1] < self.total_steps:
            ends.append(self._first_step(len(ends) + 1))
        return [*ends[:-1], self.total_steps]

    @property
    def padding_efficiency(self) -> float:
        """Real tokens / computed tokens of an epoch of each copy, the filling of their last batches included."""
        computed = self.global_batch_size * sum(
            int(np.dot(self.buckets, self.batches_per_bucket(copy))) for copy in range(self.num_copies)
        )
        return self._num_tokens / computed

    def steps_in_epoch(self, epoch: int) -> int:
        """The steps of an epoch, counted from 0: the same whatever the buckets, other ones for another copy."""
        return -(-len(self._of_epoch(epoch)) // self.global_batch_size)

    def batches_per_bucket(self, epoch: int) -> tuple[int, ...]:
        """How many batches of an epoch have each of the shapes; the same in every epoch of the same copy."""
        up_to = _batches_up_to(self.lengths[self._of_epoch(epoch)], self.buckets, self.global_batch_size)
        return tuple(int(count) for count in np.diff(up_to, prepend=0))

    def epochs_at(self, step: int) -> float:
        """How many epochs `step` steps are: 1.5 in the middle of the second."""
        epoch, index = self._place(step)
        return epoch + index / self.steps_in_epoch(epoch)

    def batch_at(self, step: int) -> ScheduledBatch:
        """The batch of optimizer step `step`, counted from 0."""
        epoch, index = self._place(step)
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self.epoch_batches(epoch)
        return self._batches[index]

    def epoch_batches(self, epoch: int) -> list[ScheduledBatch]:
        """All batches of an epoch, counted from 0, in their order."""
        records = self._of_epoch(epoch)
        batches = schedule(
            self.lengths[records], self.buckets, self.global_batch_size, self._seed, epoch, self._steps_per_run
        )
        return [dataclasses.replace(batch, record_ids=records[batch.record_ids]) for batch in batches]

    def _of_epoch(self, epoch: int) -> np.ndarray:
        """The records of an epoch's copy, `<int64>[num_records_of_copy]`."""
        return self._records[epoch % self.num_copies]

    def _first_step(self, epoch: int) -> int:
        rounds, copy = divmod(epoch, self.num_copies)
        return int(rounds * self._steps_before[-1] + self._steps_before[copy])

    def _place(self, step: int) -> tuple[int, int]:
        """The epoch of a step, and which of that epoch's steps it is, both from 0."""
        rounds, rest = divmod(step, int(self._steps_before[-1]))
        copy = int(np.searchsorted(self._steps_before, rest, side="right")) - 1
        return rounds * self.num_copies + copy, rest - int(self._steps_before[copy])
