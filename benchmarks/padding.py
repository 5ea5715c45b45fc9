"""Measures what length buckets save in time and FLOPs, compared with padding every window to the longest length.

python benchmarks/padding.py --train_dir=runs/padding/records     prints Markdown

The script takes consecutive batches of the training schedule and runs the real optimizer step on each twice: at its
bucket's length, and at the longest. The two alternate, so that other load on the machine slows both. It also prints how
random the shuffling is that makes such batches.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from bert_qa_tf.training.schedule import ScheduledBatch, TrainingSchedule


def spearman(batches: Sequence[ScheduledBatch], lengths: np.ndarray) -> float:
    """The rank correlation of a batch's place in its epoch and its windows' mean length."""
    means = np.array([lengths[batch.record_ids].mean() for batch in batches])
    ranks = np.array([0.5 * ((means < mean).sum() + (means <= mean).sum()) for mean in means])  # equal means tie
    return float(np.corrcoef(np.arange(len(means)), ranks)[0, 1])


def share_that_meets_again(
    before: Sequence[ScheduledBatch], after: Sequence[ScheduledBatch], num_records: int
) -> float:
    """The share of pairs of records in one batch that are in one batch in the next epoch too."""
    epochs = []
    for batches in (before, after):
        pairs = []
        for batch in batches:
            ids = np.sort(batch.record_ids)
            first, second = np.triu_indices(len(ids), 1)
            pairs.append(ids[first] * num_records + ids[second])
        epochs.append(np.concatenate(pairs))
    return float(np.isin(*epochs).mean())


class Bench:
    """The real step of a training, at any of its lengths.

    Args:
      values: the command's arguments.

    Attributes:
      schedule: of the training.
      policy: the Keras precision policy of its model.
    """

    def __init__(self, values: argparse.Namespace) -> None:
        from bert_qa_tf.config import RuntimeConfig, TrainConfig
        from bert_qa_tf.records import features
        from bert_qa_tf.training.preparation import prepare
        from bert_qa_tf.training.step import TrainStep

        config = TrainConfig(
            train_dir=values.train_dir,
            model_dir="",  # nothing is written
            encoder_handle=values.encoder_handle,
            runtime=RuntimeConfig(mixed_precision=values.mixed_precision),
            global_batch_size=values.global_batch_size,
            length_buckets=values.length_buckets,
            num_train_epochs=3,
        )
        self._prepared = prepare(config)
        self.schedule = self._prepared.schedule
        self.policy = self._prepared.policy
        model, optimizer, task = self._prepared.trained.model, self._prepared.trained.optimizer, self._prepared.task
        inputs = features.names(task.table, "input")
        self._step = TrainStep(self._prepared.strategy, model, optimizer, task.losses, inputs)
        self._steps = 0

    def flops(self, length: int) -> int:
        """The FLOPs of the matrix products of one step at this length, forward and backward."""
        from bert_qa_tf.training.precision_census import take_census

        step = self._step.trace(self._pad(np.zeros(0, np.int64), length))
        census = take_census(step, self.policy, self._prepared.trained.model)
        return sum(product.flops for product in census.products)

    def seconds(self, record_ids: np.ndarray, length: int) -> float:
        """How long one step takes with these records at this length, from records to the loss on the host."""
        begin = time.monotonic()
        self._step([self._pad(record_ids, length)], self._steps)["loss"].numpy()
        self._steps += 1
        return time.monotonic() - begin

    def _pad(self, record_ids: np.ndarray, length: int) -> dict[str, np.ndarray]:
        from bert_qa_tf.records.batches import pad_batch

        prepared = self._prepared
        columns = prepared.records.read(record_ids)
        return pad_batch(columns, length, self.schedule.global_batch_size, prepared.task.table)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train_dir", required=True, help="folder that create_tfrecords wrote")
    parser.add_argument("--encoder_handle", default="minilm", help="as for train")
    parser.add_argument("--global_batch_size", type=int, default=16)
    parser.add_argument("--length_buckets", type=int, default=8, help="at most this many shapes")
    parser.add_argument("--mixed_precision", default="auto", help="as for train")
    parser.add_argument("--batches", type=int, default=40, help="consecutive ones of the first epoch")
    parser.add_argument("--rounds", type=int, default=3, help="how often these are run; the median counts")
    values = parser.parse_args()

    bench = Bench(values)
    print_schedule(bench.schedule)
    measure(bench, values)


def print_schedule(schedule: TrainingSchedule) -> None:
    """Prints the figures that need no timing."""
    epochs = [schedule.epoch_batches(epoch) for epoch in range(3)]
    again = [share_that_meets_again(epochs[i], epochs[i + 1], len(schedule.lengths)) for i in range(2)]
    print(
        f"{len(schedule.lengths)} windows, {schedule.lengths.mean():.1f} word pieces on average, "
        f"batches of {schedule.global_batch_size}\n\n"
        f"* shapes: {len(schedule.buckets)} ({', '.join(map(str, schedule.buckets))})\n"
        f"* real tokens / computed tokens: {schedule.padding_efficiency:.4f} "
        f"({schedule.lengths.mean() / schedule.buckets[-1]:.4f} where all is padded to {schedule.buckets[-1]})\n"
        f"* Spearman correlation of batch index and mean length, three epochs: "
        f"{', '.join(f'{spearman(batches, schedule.lengths):+.4f}' for batches in epochs)}\n"
        f"* pairs of a batch that meet again in the next epoch: {', '.join(f'{share:.2%}' for share in again)}\n",
        flush=True,
    )


def measure(bench: Bench, values: argparse.Namespace) -> None:
    """Runs the steps and prints tables of them."""
    schedule = bench.schedule
    longest = schedule.buckets[-1]
    batches = schedule.epoch_batches(0)[: values.batches]
    flops = {length: bench.flops(length) for length in schedule.buckets}
    for length in schedule.buckets:
        bench.seconds(batches[0].record_ids[:0], length)  # the first step at a shape sets things up
    rounds = []
    seconds: dict[int, list[float]] = {length: [] for length in schedule.buckets}
    for number in range(values.rounds):
        total = {"bucket": 0.0, "longest": 0.0}
        for batch in tqdm(batches, desc=f"round {number + 1}", unit=" batches", disable=None):
            both = [("bucket", batch.bucket_length), ("longest", longest)]
            for name, length in both if number % 2 == 0 else both[::-1]:
                took = bench.seconds(batch.record_ids, length)
                total[name] += took
                seconds[length].append(took)
        rounds.append(total)

    print("| length | batches of an epoch | GFLOPs of a step | seconds of a step, median |\n|---:|---:|---:|---:|")
    for length, count in zip(schedule.buckets, schedule.batches_per_bucket(0), strict=True):
        took = f"{statistics.median(seconds[length]):.3f}" if seconds[length] else "–"
        print(f"| {length} | {count} | {flops[length] / 1e9:.1f} | {took} |")
    rows = sum(len(batch.record_ids) for batch in batches)
    print(f"\n| round | windows/s in buckets | windows/s at {longest} | ratio |\n|---:|---:|---:|---:|")
    for number, total in enumerate(rounds, 1):
        ratio = total["longest"] / total["bucket"]
        print(f"| {number} | {rows / total['bucket']:.2f} | {rows / total['longest']:.2f} | {ratio:.3f} |")
    faster = statistics.median(total["longest"] / total["bucket"] for total in rounds)
    fewer = len(batches) * flops[longest] / sum(flops[batch.bucket_length] for batch in batches)
    of_epoch = (
        schedule.steps_in_epoch(0) * flops[longest] / np.dot(list(flops.values()), schedule.batches_per_bucket(0))
    )
    print(
        f"\n* windows/s, ratio, median: {faster:.3f} ({bench.policy})\n"
        f"* computed FLOPs, ratio: {fewer:.3f} over these {len(batches)} batches, {of_epoch:.3f} over the epoch\n"
        f"* of the FLOPs saved, time follows: {faster / fewer:.3f}"
    )


if __name__ == "__main__":
    main()
