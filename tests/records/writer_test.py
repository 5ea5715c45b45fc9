import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.records import writer as tfrecord
from tests.records.windows import window, write


def test_records_hold_no_padding_and_nothing_that_can_be_derived(tmp_path):
    shards, _ = write(tmp_path, [0], num_shards=1, with_decoding=False)
    [record] = list(tf.data.TFRecordDataset(str(tmp_path / shards[0].file)).as_numpy_iterator())
    feature = tf.train.Example.FromString(record).features.feature
    assert set(feature) == {"input_word_ids", "input_type_ids", "start_positions", "end_positions", "unique_id"}
    assert len(feature["input_word_ids"].int64_list.value) == 3


def test_the_order_of_writing_does_not_change_a_byte(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, index = write(tmp_path / "a", range(40))
    second, other_index = write(tmp_path / "b", reversed(range(40)))
    assert first == second
    assert (index == other_index).all()
    assert sum(shard.records for shard in first) == 40
    for shard in first:
        assert (tmp_path / "a" / shard.file).read_bytes() == (tmp_path / "b" / shard.file).read_bytes()


def test_records_that_were_spilled_to_disk_come_out_the_same(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    in_memory, index = write(tmp_path / "a", range(50))
    monkeypatch.setattr(tfrecord, "_SPILL_BYTES", 500)
    spilled, spilled_index = write(tmp_path / "b", range(50))
    assert spilled == in_memory
    assert spilled_index.tolist() == index.tolist()


def test_another_seed_gives_another_order(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, _ = write(tmp_path / "a", range(20), num_shards=1, seed=0)
    second, _ = write(tmp_path / "b", range(20), num_shards=1, seed=1)
    assert first[0].sha256 != second[0].sha256


def test_the_index_says_of_each_record_in_shard_order_where_it_lies_and_what_it_is(tmp_path):
    shards, index = write(tmp_path, range(40))
    row = 0
    for number, shard in enumerate(shards):
        offset, path = 0, tmp_path / shard.file
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            feature = tf.train.Example.FromString(record).features.feature
            ids = feature["input_word_ids"].int64_list.value
            expected = (number, offset, len(ids), ids[0] % 2, tfrecord.order_key(0, window(ids[0]).unique_id))
            assert index[row].item() == expected
            offset += len(record) + 16
            row += 1
        assert offset == path.stat().st_size
    assert row == len(index) == 40
    assert (np.lexsort((index["key"], index["shard"])) == np.arange(40)).all()


def test_a_temporary_folder_that_is_full_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(tfrecord, "_SPILL_BYTES", 500)
    with open("/dev/full", "wb", buffering=0) as full:
        monkeypatch.setattr(tfrecord.tempfile, "TemporaryFile", lambda: full)
        with pytest.raises(
            InputError, match=r"cannot write temporary records \(No space left on device\); name another"
        ):
            write(tmp_path, range(50))
