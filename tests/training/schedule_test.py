import numpy as np
import pytest

from bert_qa_tf.training.schedule import TrainingSchedule, choose_buckets, schedule, steps_per_epoch

LENGTHS = np.random.default_rng(0).integers(20, 384, 1000).astype(np.int32)


def test_every_record_is_in_exactly_one_batch_of_an_epoch():
    batches = schedule(LENGTHS, choose_buckets(LENGTHS, 8), 16, seed=1, epoch=0)
    assert sorted(np.concatenate([batch.record_ids for batch in batches]).tolist()) == list(range(1000))


def test_no_record_is_longer_than_its_batch():
    for batch in schedule(LENGTHS, choose_buckets(LENGTHS, 4), 16, seed=1, epoch=0):
        assert LENGTHS[batch.record_ids].max() <= batch.bucket_length
        assert len(batch.record_ids) <= 16


def test_the_schedule_is_a_function_of_seed_and_epoch():
    buckets = choose_buckets(LENGTHS, 8)

    def ids(seed: int, epoch: int) -> list[list[int]]:
        return [batch.record_ids.tolist() for batch in schedule(LENGTHS, buckets, 16, seed, epoch)]

    assert ids(1, 0) == ids(1, 0)
    assert ids(1, 0) != ids(1, 1)
    assert ids(1, 0) != ids(2, 0)


@pytest.mark.parametrize("batch_size", [1, 7, 16, 2000])
def test_every_epoch_has_the_same_number_of_steps(batch_size):
    buckets = choose_buckets(LENGTHS, 5)
    expected = steps_per_epoch(LENGTHS, buckets, batch_size)
    assert {len(schedule(LENGTHS, buckets, batch_size, 0, epoch)) for epoch in range(3)} == {expected}


def test_lengths_do_not_come_in_runs():
    batches = schedule(LENGTHS, choose_buckets(LENGTHS, 8), 4, seed=0, epoch=0)
    means = np.array([LENGTHS[batch.record_ids].mean() for batch in batches])
    ranks = np.argsort(np.argsort(means))
    assert abs(np.corrcoef(np.arange(len(ranks)), ranks)[0, 1]) < 0.15


def test_buckets_are_the_best_that_can_be_chosen():
    # Two buckets for these: {8, 8, 8, 8, 8} and {40, 44} cost 5·8 + 2·44; any other cut costs more.
    assert choose_buckets(np.array([5, 6, 7, 8, 3, 40, 44]), 2) == (8, 44)


def test_one_bucket_is_as_long_as_the_longest_window_and_more_never_hurt():
    assert choose_buckets(LENGTHS, 1) == (LENGTHS.max(),)
    computed = []
    for number in range(1, 10):
        buckets = np.array(choose_buckets(LENGTHS, number))
        assert len(buckets) <= number
        computed.append(int(buckets[np.searchsorted(buckets, LENGTHS)].sum()))
    assert computed == sorted(computed, reverse=True)


def test_a_training_runs_through_its_epochs_and_stops_where_it_should():
    whole = TrainingSchedule(LENGTHS, 4, 16, num_epochs=3, max_steps=None, seed=1)
    assert whole.total_steps == 3 * whole.steps_per_epoch
    assert whole.epoch_ends == [whole.steps_per_epoch * epoch for epoch in (1, 2, 3)]
    cut = TrainingSchedule(LENGTHS, 4, 16, num_epochs=3, max_steps=whole.steps_per_epoch + 5, seed=1)
    assert cut.epoch_ends == [whole.steps_per_epoch, whole.steps_per_epoch + 5]


def test_a_step_has_the_same_batch_wherever_training_comes_from():
    whole = TrainingSchedule(LENGTHS, 4, 16, num_epochs=3, max_steps=None, seed=1)
    steps = [0, whole.steps_per_epoch - 1, whole.steps_per_epoch, 2 * whole.steps_per_epoch + 3]
    in_order = [whole.batch_at(step).record_ids.tolist() for step in steps]
    resumed = TrainingSchedule(LENGTHS, 4, 16, num_epochs=3, max_steps=None, seed=1)
    assert [resumed.batch_at(step).record_ids.tolist() for step in reversed(steps)] == in_order[::-1]


def test_padding_efficiency_counts_the_filling_of_short_batches():
    # One batch of 4 rows of 8 for three windows of 6, 7 and 8 word pieces.
    schedule_ = TrainingSchedule(np.array([6, 7, 8], np.int32), 8, 4, num_epochs=1, max_steps=None, seed=0)
    assert schedule_.padding_efficiency == 21 / 32
