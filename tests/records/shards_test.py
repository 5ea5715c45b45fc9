import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.records import shards as tfrecord
from bert_qa_tf.tasks.question_answering.examples import InputFeatures
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES


def _window(number: int, length: int = 5) -> InputFeatures:
    tokens = np.arange(length, dtype=np.int32)
    return InputFeatures(
        input_word_ids=tokens + number,
        input_type_ids=np.ones(length, np.int32),
        start_positions=2,
        end_positions=3,
        unique_id=number - 5,
        qas_id=f"é{number}",
        doc_span_index=number % 2,
        token_start_chars=tokens - 1,
        token_end_chars=tokens,
        token_is_max_context=np.zeros(length, np.int32),
    )


def _write(directory, numbers, num_shards=3, seed=0, with_decoding=True):
    with tfrecord.ShardWriter(str(directory), "train", num_shards, seed) as writer:
        for number in numbers:
            window = _window(number, 3 + number % 4)
            payload = tfrecord.serialize(vars(window), QA_FEATURES, with_decoding)
            writer.add(window.unique_id, len(window), payload)
        return writer.finish()[:2]


def test_every_field_of_the_table_survives_the_way_to_disk_and_back(tmp_path):
    shards, lengths = _write(tmp_path, [7], num_shards=1)
    columns = tfrecord.read_columns(str(tmp_path), shards, QA_FEATURES, with_decoding=True)
    window = _window(7, 6)
    assert lengths.tolist() == columns.lengths.tolist() == [6]
    for spec in QA_FEATURES:
        if spec.storage == "derived":
            continue
        if spec.per_token:
            assert columns.flat[spec.name].tolist() == getattr(window, spec.name).tolist()
            assert columns.flat[spec.name].dtype == spec.dtype
        else:
            assert columns.scalars[spec.name][0] == getattr(window, spec.name)


def test_records_hold_no_padding_and_nothing_that_can_be_derived(tmp_path):
    shards, _ = _write(tmp_path, [0], num_shards=1, with_decoding=False)
    [record] = list(tf.data.TFRecordDataset(str(tmp_path / shards[0].file)).as_numpy_iterator())
    feature = tf.train.Example.FromString(record).features.feature
    assert set(feature) == {"input_word_ids", "input_type_ids", "start_positions", "end_positions", "unique_id"}
    assert len(feature["input_word_ids"].int64_list.value) == 3


def test_the_order_of_writing_does_not_change_a_byte(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, _ = _write(tmp_path / "a", range(40))
    second, _ = _write(tmp_path / "b", reversed(range(40)))
    assert first == second
    assert sum(shard.records for shard in first) == 40
    for shard in first:
        assert (tmp_path / "a" / shard.file).read_bytes() == (tmp_path / "b" / shard.file).read_bytes()


def test_records_that_were_spilled_to_disk_come_out_the_same(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    in_memory, lengths = _write(tmp_path / "a", range(50))
    monkeypatch.setattr(tfrecord, "_SPILL_BYTES", 500)
    spilled, spilled_lengths = _write(tmp_path / "b", range(50))
    assert spilled == in_memory
    assert spilled_lengths.tolist() == lengths.tolist()


def test_another_seed_gives_another_order(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, _ = _write(tmp_path / "a", range(20), num_shards=1, seed=0)
    second, _ = _write(tmp_path / "b", range(20), num_shards=1, seed=1)
    assert first[0].sha256 != second[0].sha256


def test_a_missing_shard_is_named(tmp_path):
    shards, _ = _write(tmp_path, range(9))
    (tmp_path / shards[1].file).unlink()
    with pytest.raises(InputError, match=r"train-00001-of-00003.tfrecord: this shard is missing; .* expects \d+ rec"):
        tfrecord.read_columns(str(tmp_path), shards, QA_FEATURES)


def test_a_truncated_shard_is_named_with_the_records_read_before_it_broke(tmp_path):
    shards, _ = _write(tmp_path, range(9), num_shards=1)
    path = tmp_path / shards[0].file
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"train-00000-of-00001.tfrecord: truncated or corrupt after 8 of 9 records"):
        tfrecord.read_columns(str(tmp_path), shards, QA_FEATURES)


def test_a_shard_with_a_flipped_byte_is_named(tmp_path):
    shards, _ = _write(tmp_path, range(9), num_shards=1)
    path = tmp_path / shards[0].file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"truncated or corrupt after \d of 9 records"):
        tfrecord.read_columns(str(tmp_path), shards, QA_FEATURES)


def test_a_shard_that_lost_whole_records_is_named(tmp_path):
    shards, _ = _write(tmp_path, range(9), num_shards=1)
    path = str(tmp_path / shards[0].file)
    records = list(tf.data.TFRecordDataset(path).as_numpy_iterator())
    with tf.io.TFRecordWriter(path) as writer:
        for record in records[:4]:
            writer.write(record)
    with pytest.raises(InputError, match="holds 4 records, the manifest expects 9"):
        tfrecord.read_columns(str(tmp_path), shards, QA_FEATURES)


def test_a_folder_in_the_place_of_a_shard_counts_as_missing(tmp_path):
    shards, _ = _write(tmp_path, [1, 2], num_shards=1)
    (tmp_path / shards[0].file).unlink()
    (tmp_path / shards[0].file).mkdir()
    with pytest.raises(InputError, match="this shard is missing; the manifest expects 2 records in it"):
        tfrecord.read_columns(str(tmp_path), shards, QA_FEATURES)


def test_records_of_another_tool_are_named(tmp_path):
    shards, _ = _write(tmp_path, [1], num_shards=1)
    with tf.io.TFRecordWriter(str(tmp_path / shards[0].file)) as writer:
        writer.write(b"something else")
    with pytest.raises(InputError, match="tfrecord: its records are not those of this task"):
        tfrecord.read_columns(str(tmp_path), shards, QA_FEATURES)
