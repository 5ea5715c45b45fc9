import itertools
import runpy

import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.training.schedule import TrainingSchedule, choose_buckets, schedule
from tests import testing

LENGTHS = np.random.default_rng(0).integers(20, 384, 1000).astype(np.int32)
_SQUAD_STYLE = ("squad_v1.1_train_slice", "new_wiki_v1.0", "reddit_v1.0", "amazon_reviews_v1.0")
_BENCHMARK = runpy.run_path(str(testing.REPOSITORY / "benchmarks" / "padding.py"))
spearman, share_that_meets_again = _BENCHMARK["spearman"], _BENCHMARK["share_that_meets_again"]


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
@pytest.mark.parametrize("num_buckets", [1, 5, 40])
def test_every_epoch_has_as_many_steps_as_without_buckets_and_only_one_batch_is_short(batch_size, num_buckets):
    buckets = choose_buckets(LENGTHS, num_buckets, batch_size)
    for epoch in range(3):
        batches = schedule(LENGTHS, buckets, batch_size, 0, epoch)
        assert len(batches) == -(-1000 // batch_size)
        assert sum(len(batch.record_ids) < batch_size for batch in batches) <= 1


def test_what_does_not_fill_a_batch_moves_up_to_the_next_length():
    lengths = np.array([8] * 6 + [16] * 3, np.int32)
    batches = schedule(lengths, (8, 16), 4, seed=0, epoch=0)
    rows = {batch.bucket_length: [] for batch in batches}
    for batch in batches:
        rows[batch.bucket_length].append(sorted(lengths[batch.record_ids].tolist()))
    assert rows[8] == [[8, 8, 8, 8]]
    assert sorted(rows[16]) == [[8, 8, 16, 16], [16]]


def test_different_records_move_up_in_different_epochs():
    lengths = np.array([8] * 50 + [16] * 50, np.int32)
    epochs = [schedule(lengths, (8, 16), 16, seed=0, epoch=epoch) for epoch in range(2)]
    moved = [
        {i for batch in epoch if batch.bucket_length == 16 for i in batch.record_ids if i < 50} for epoch in epochs
    ]
    assert len(moved[0]) == len(moved[1]) == 2
    assert moved[0] != moved[1]


@pytest.mark.parametrize("seed", range(5))
def test_lengths_do_not_come_in_runs(seed):
    # 32 batches: a plain shuffle of so few would often be further from even than this.
    batches = schedule(LENGTHS, choose_buckets(LENGTHS, 8, 32), 32, seed, epoch=0)
    assert abs(spearman(batches, LENGTHS)) < 0.1


def test_every_stretch_of_an_epoch_has_its_share_of_each_length():
    lengths = np.repeat(np.array([8, 16], np.int32), [200, 600])
    batches = schedule(lengths, (8, 16), 10, seed=0, epoch=0)
    lengths_in_order = [batch.bucket_length for batch in batches]
    assert all(4 <= lengths_in_order[i : i + 20].count(8) <= 6 for i in range(0, 80, 20))
    assert lengths_in_order != [batch.bucket_length for batch in schedule(lengths, (8, 16), 10, seed=1, epoch=0)]


def test_batches_of_one_length_follow_each_other_where_a_device_takes_several_steps_in_one_call():
    lengths = np.random.default_rng(0).integers(20, 384, 8000).astype(np.int32)
    training = TrainingSchedule(lengths, 4, 16, num_epochs=2, max_steps=None, seed=0, steps_per_run=5)
    batches = training.epoch_batches(1)
    calls = [len(list(group)) for _, group in itertools.groupby(batches, lambda batch: batch.bucket_length)]
    assert sum(-(-steps // 5) for steps in calls) <= training.steps_in_epoch(0) / 5 + len(training.buckets)
    assert sorted(np.concatenate([batch.record_ids for batch in batches]).tolist()) == list(range(8000))
    assert abs(spearman(batches, lengths)) < 0.1


@pytest.mark.parametrize(("num_buckets", "batch_size"), [(1, 16), (4, 16), (8, 4)])
def test_pairs_that_share_a_batch_meet_again_as_rarely_as_documented(num_buckets, batch_size):
    training = TrainingSchedule(LENGTHS, num_buckets, batch_size, num_epochs=2, max_steps=None, seed=0)
    again = share_that_meets_again(training.epoch_batches(0), training.epoch_batches(1), len(LENGTHS))
    assert again == pytest.approx(num_buckets * (batch_size - 1) / len(LENGTHS), rel=0.2)


def test_a_record_may_sit_beside_any_other_of_its_bucket():
    lengths = np.full(12, 8, np.int32)
    neighbours = {
        i
        for epoch in range(40)
        for batch in schedule(lengths, (8,), 4, seed=0, epoch=epoch)
        if 0 in batch.record_ids
        for i in batch.record_ids
    }
    assert neighbours == set(range(12))


def test_buckets_are_the_best_that_can_be_chosen():
    # Two buckets for these: {8, 8, 8, 8, 8} and {40, 44} cost 5·8 + 2·44; any other cut costs more.
    assert choose_buckets(np.array([5, 6, 7, 8, 3, 40, 44]), 2) == (8, 44)


def test_buckets_are_the_best_for_whole_batches():
    # Three short windows make no batch of 4: they move up to the fourth, and only the last is alone.
    assert choose_buckets(np.array([5, 6, 7, 40, 44]), 2, 4) == (40, 44)
    assert choose_buckets(np.array([5, 6, 7, 40]), 2, 4) == (40,)
    # Four do: the fifth moves up.
    assert choose_buckets(np.array([5, 6, 7, 8, 3, 40, 44]), 2, 4) == (8, 44)


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_no_other_choice_of_buckets_computes_fewer_tokens(batch_size):
    lengths = np.random.default_rng(1).integers(1, 60, 40)

    def computed(buckets: tuple[int, ...]) -> int:
        return sum(batch.bucket_length for batch in schedule(lengths, buckets, batch_size, 0, 0))

    sizes = range(8, 64, 8)
    every_other = [(a, b, 64) for a in sizes for b in sizes if a < b]
    assert computed(choose_buckets(lengths, 3, batch_size)) <= min(computed(buckets) for buckets in every_other)


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
    assert whole.total_steps == 3 * whole.steps_in_epoch(0)
    assert whole.epoch_ends == [whole.steps_in_epoch(0) * epoch for epoch in (1, 2, 3)]
    cut = TrainingSchedule(LENGTHS, 4, 16, num_epochs=3, max_steps=whole.steps_in_epoch(0) + 5, seed=1)
    assert cut.epoch_ends == [whole.steps_in_epoch(0), whole.steps_in_epoch(0) + 5]


def test_a_step_has_the_same_batch_wherever_training_comes_from():
    whole = TrainingSchedule(LENGTHS, 4, 16, num_epochs=3, max_steps=None, seed=1)
    steps = [0, whole.steps_in_epoch(0) - 1, whole.steps_in_epoch(0), 2 * whole.steps_in_epoch(0) + 3]
    in_order = [whole.batch_at(step).record_ids.tolist() for step in steps]
    resumed = TrainingSchedule(LENGTHS, 4, 16, num_epochs=3, max_steps=None, seed=1)
    assert [resumed.batch_at(step).record_ids.tolist() for step in reversed(steps)] == in_order[::-1]


def test_padding_efficiency_counts_the_filling_of_short_batches():
    # One batch of 4 rows of 8 for three windows of 6, 7 and 8 word pieces.
    schedule_ = TrainingSchedule(np.array([6, 7, 8], np.int32), 8, 4, num_epochs=1, max_steps=None, seed=0)
    assert schedule_.padding_efficiency == 21 / 32


def test_every_bucket_has_the_batches_that_the_schedule_says():
    training = TrainingSchedule(LENGTHS, 6, 16, num_epochs=2, max_steps=None, seed=0)
    for epoch in range(2):
        seen = [batch.bucket_length for batch in training.epoch_batches(epoch)]
        assert tuple(seen.count(length) for length in training.buckets) == training.batches_per_bucket(epoch)
    assert 0 not in training.batches_per_bucket(0)
    assert sum(training.batches_per_bucket(0)) == training.steps_in_epoch(0)


def test_lengths_that_a_user_names_are_taken_as_they_are():
    training = TrainingSchedule(LENGTHS, (128, 256, 384), 16, num_epochs=1, max_steps=None, seed=0)
    assert training.buckets == (128, 256, 384)
    assert {batch.bucket_length for batch in training.epoch_batches(0)} == {128, 256, 384}


def test_of_the_lengths_that_a_user_names_only_those_with_a_batch_are_compiled():
    # No window is as short as 16; three are not enough for a batch at 64; 512 is longer than any needs.
    lengths = np.array([60] * 3 + [120] * 20 + [300] * 8, np.int32)
    training = TrainingSchedule(lengths, (16, 64, 128, 384, 512), 4, num_epochs=1, max_steps=None, seed=0)
    assert training.buckets == (128, 384)
    assert training.steps_in_epoch(0) == 8


def test_lengths_that_hold_not_every_window_are_refused():
    message = "length_buckets=128,256: the longest window has 300 word pieces, expected a bucket that holds it"
    with pytest.raises(InputError, match=message):
        TrainingSchedule(np.array([100, 300]), (128, 256), 4, num_epochs=1, max_steps=None, seed=0)


# Three copies of 1,000 windows with other simulated errors in them: other lengths, and of some the answer is lost.
COPIES = np.sort(np.random.default_rng(1).choice(3, 2700, p=[0.4, 0.35, 0.25])).astype(np.uint8)
LENGTHS_OF_COPIES = np.random.default_rng(2).integers(20, 384, 2700).astype(np.int32)


def _training_in_copies(num_epochs: int = 7, **settings) -> TrainingSchedule:
    settings = {"max_steps": None, "seed": 1, **settings}
    return TrainingSchedule(LENGTHS_OF_COPIES, 4, 16, num_epochs, copies=COPIES, **settings)


def test_an_epoch_takes_one_copy_and_the_next_epoch_the_next():
    training = _training_in_copies()
    for epoch in range(5):
        batches = training.epoch_batches(epoch)
        seen = sorted(np.concatenate([batch.record_ids for batch in batches]).tolist())
        assert seen == np.flatnonzero(epoch % 3 == COPIES).tolist()
        assert len(batches) == training.steps_in_epoch(epoch) == -(-len(seen) // 16)
        assert all(LENGTHS_OF_COPIES[batch.record_ids].max() <= batch.bucket_length for batch in batches)
        assert {batch.bucket_length for batch in batches} <= set(training.buckets)


def test_epochs_of_other_copies_may_have_other_numbers_of_steps():
    training = _training_in_copies()
    steps = [training.steps_in_epoch(epoch) for epoch in range(7)]
    assert len(set(steps[:3])) == 3
    assert steps[3:6] == steps[:3]
    assert training.total_steps == sum(steps)
    assert training.epoch_ends == np.cumsum(steps).tolist()
    assert [training.epochs_at(end) for end in training.epoch_ends] == [1, 2, 3, 4, 5, 6, 7]
    assert training.epochs_at(steps[0] + steps[1] // 2) == 1 + steps[1] // 2 / steps[1]


def test_a_training_in_copies_may_end_within_an_epoch():
    ends = _training_in_copies().epoch_ends
    assert _training_in_copies(max_steps=ends[1] + 5).epoch_ends == [*ends[:2], ends[1] + 5]
    assert _training_in_copies(max_steps=ends[1]).epoch_ends == ends[:2]


def test_with_copies_too_a_step_has_the_same_batch_wherever_training_comes_from():
    training = _training_in_copies()
    in_order = [batch.record_ids.tolist() for epoch in range(7) for batch in training.epoch_batches(epoch)]
    assert len(in_order) == training.total_steps
    for step in range(training.total_steps - 1, 0, -37):
        assert _training_in_copies().batch_at(step).record_ids.tolist() == in_order[step]


def test_one_copy_is_scheduled_as_records_without_copies_are():
    plain = TrainingSchedule(LENGTHS, 4, 16, num_epochs=2, max_steps=None, seed=1)
    copied = TrainingSchedule(
        LENGTHS, 4, 16, num_epochs=2, max_steps=None, seed=1, copies=np.zeros(len(LENGTHS), np.uint8)
    )
    assert copied.buckets == plain.buckets
    for step in range(0, plain.total_steps, 11):
        assert copied.batch_at(step).record_ids.tolist() == plain.batch_at(step).record_ids.tolist()


def test_the_windows_of_all_copies_count_for_padding():
    training = _training_in_copies()
    computed = sum(16 * batch.bucket_length for epoch in range(3) for batch in training.epoch_batches(epoch))
    assert training.padding_efficiency == LENGTHS_OF_COPIES.sum() / computed


@pytest.fixture(scope="module")
def squad_style_lengths(tmp_path_factory) -> np.ndarray:
    """Word pieces of every window of all SQuAD-style files at 384/128."""
    from bert_qa_tf.records.index import read_index
    from bert_qa_tf.tasks.question_answering import conversion
    from bert_qa_tf.tasks.question_answering.config import ConversionConfig
    from bert_qa_tf.text.tokenization import BertTokenizer

    files = [str(testing.shared_data("squad_style", f"{name}.json")) for name in _SQUAD_STYLE]
    tokenizer = BertTokenizer.from_vocab_file(str(testing.minilm_folder() / "vocab.txt"), do_lower_case=True)
    folder = tmp_path_factory.mktemp("squad_style") / "records"
    manifest = conversion.convert(files, str(folder), tokenizer, ConversionConfig(dev_fraction=0.0))
    return read_index(str(folder), manifest, "train")["length"]


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [16, 32, 256])
def test_on_real_text_little_is_padding_and_the_shuffling_is_honest(squad_style_lengths, batch_size):
    lengths = squad_style_lengths
    training = TrainingSchedule(lengths, 8, batch_size, num_epochs=2, max_steps=None, seed=0)
    epochs = [training.epoch_batches(epoch) for epoch in range(2)]
    assert len(lengths) == 40673
    assert lengths.max() == 384
    assert len(training.buckets) <= 8
    assert training.padding_efficiency >= 0.90
    assert all(abs(spearman(batches, lengths)) < 0.1 for batches in epochs)
    assert share_that_meets_again(*epochs, len(lengths)) < 0.05
