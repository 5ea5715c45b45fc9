import dataclasses
import gc

import numpy as np
import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.records.reader import RecordReader
from bert_qa_tf.records.writer import ShardWriter, serialize
from bert_qa_tf.storage import digests
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from tests.records.windows import window, write


def _open(directory, shards, index, with_decoding=False) -> RecordReader:
    return RecordReader(str(directory), shards, index, QA_FEATURES, with_decoding)


def test_every_field_of_the_table_survives_the_way_to_disk_and_back(tmp_path):
    reader = _open(tmp_path, *write(tmp_path, [7], num_shards=1), with_decoding=True)
    columns = reader.read(np.array([0]))
    expected = window(7, 6)
    assert reader.lengths.tolist() == columns.lengths.tolist() == [6]
    for spec in QA_FEATURES:
        if spec.storage == "derived":
            continue
        if spec.per_token:
            assert columns.flat[spec.name].tolist() == getattr(expected, spec.name).tolist()
            assert columns.flat[spec.name].dtype == spec.dtype
        else:
            assert columns.scalars[spec.name][0] == getattr(expected, spec.name)
            assert spec.dtype == "string" or columns.scalars[spec.name].dtype == spec.dtype


def test_records_come_in_the_order_asked_from_any_shard(tmp_path):
    shards, index = write(tmp_path, range(40))
    reader = _open(tmp_path, shards, index)
    assert len(reader) == 40
    in_order = reader.read(np.arange(40)).scalars["unique_id"]
    assert sorted(in_order) == [number - 5 for number in range(40)]
    asked = np.array([39, 0, 17, 17, 3])
    columns = reader.read(asked)
    assert columns.scalars["unique_id"].tolist() == in_order[asked].tolist()
    assert columns.lengths.tolist() == reader.lengths[asked].tolist()
    first = columns.flat["input_word_ids"][columns.offsets[:-1]]
    assert first.tolist() == (in_order[asked] + 5).tolist()
    # `write` makes a copy 1 of each window with an odd number.
    assert reader.copies[asked].tolist() == (first % 2).tolist()


def test_no_records_are_columns_of_no_length(tmp_path):
    columns = _open(tmp_path, *write(tmp_path, range(3))).read(np.zeros(0, np.int64))
    assert len(columns) == 0
    assert columns.flat["input_word_ids"].shape == columns.scalars["unique_id"].shape == (0,)


def test_what_only_decoding_needs_is_read_when_it_is_asked_for(tmp_path):
    shards, index = write(tmp_path, range(3))
    assert "qas_id" not in _open(tmp_path, shards, index).read([0]).scalars
    assert "qas_id" in _open(tmp_path, shards, index, with_decoding=True).read([0]).scalars


def test_shards_in_a_remote_place_are_read_from_a_copy_that_goes_with_the_reader(tmp_path):
    shards, index = write(tmp_path, range(9))
    remote = "ram://records_reader_test"
    tf.io.gfile.makedirs(remote)
    for shard in shards:
        tf.io.gfile.copy(str(tmp_path / shard.file), f"{remote}/{shard.file}", overwrite=True)
    reader = _open(remote, shards, index)
    folder = reader._temporary.name
    numbers = np.arange(9)
    expected = _open(tmp_path, shards, index).read(numbers)
    assert reader.read(numbers).flat["input_word_ids"].tolist() == expected.flat["input_word_ids"].tolist()
    del reader
    gc.collect()
    assert not tf.io.gfile.exists(folder)
    tf.io.gfile.remove(f"{remote}/{shards[2].file}")
    with pytest.raises(InputError, match=f"{remote}/train-00002-of-00003.tfrecord: this shard is missing"):
        _open(remote, shards, index)


def test_a_missing_shard_is_named(tmp_path):
    shards, index = write(tmp_path, range(9))
    (tmp_path / shards[1].file).unlink()
    with pytest.raises(InputError, match=r"train-00001-of-00003.tfrecord: this shard is missing; .* expects \d+ rec"):
        _open(tmp_path, shards, index)


def test_a_truncated_shard_is_named_with_the_records_read_before_it_broke(tmp_path):
    shards, index = write(tmp_path, range(9), num_shards=1)
    path = tmp_path / shards[0].file
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"train-00000-of-00001.tfrecord: truncated or corrupt after 8 of 9 records"):
        _open(tmp_path, shards, index)


def test_a_shard_with_a_flipped_byte_is_named_with_the_record_when_that_is_met(tmp_path):
    shards, index = write(tmp_path, range(9), num_shards=1)
    path = tmp_path / shards[0].file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    reader = _open(tmp_path, shards, index)
    path.write_bytes(content)
    damaged = int(np.searchsorted(index["offset"], len(content) // 2, side="right")) - 1
    assert len(reader.read([number for number in range(9) if number != damaged])) == 8
    with pytest.raises(InputError, match=rf"00001.tfrecord: truncated or corrupt after {damaged} of 9 records"):
        reader.read([damaged])
    with pytest.raises(InputError, match=rf"00001.tfrecord: truncated or corrupt after {damaged} of 9 records"):
        _open(tmp_path, shards, index)


def test_a_shard_that_is_cut_or_removed_while_it_is_read_is_named(tmp_path):
    shards, index = write(tmp_path, range(9), num_shards=1)
    reader = _open(tmp_path, shards, index)
    path = tmp_path / shards[0].file
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"truncated or corrupt after 8 of 9 records"):
        reader.read([0, 8])
    path.unlink()
    with pytest.raises(InputError, match=r"00001.tfrecord: cannot read this file"):
        reader.read([0])


def test_a_shard_that_lost_whole_records_is_named(tmp_path):
    shards, index = write(tmp_path, range(9), num_shards=1)
    path = str(tmp_path / shards[0].file)
    records = list(tf.data.TFRecordDataset(path).as_numpy_iterator())
    with tf.io.TFRecordWriter(path) as writer:
        for record in records[:4]:
            writer.write(record)
    with pytest.raises(InputError, match="holds 4 records, the manifest expects 9"):
        _open(tmp_path, shards, index)


def test_a_shard_of_as_many_other_records_is_named(tmp_path):
    shards, index = write(tmp_path, [1], num_shards=1)
    with tf.io.TFRecordWriter(str(tmp_path / shards[0].file)) as writer:
        writer.write(b"something else")
    with pytest.raises(InputError, match=r"00001.tfrecord: has 30 bytes, the manifest expects \d+; convert again"):
        _open(tmp_path, shards, index)


def test_an_index_of_other_shards_is_refused(tmp_path):
    shards, index = write(tmp_path, range(9), num_shards=1)
    with pytest.raises(InputError, match=r"the index has \[8\] records by shard, the manifest expects \[9\]"):
        _open(tmp_path, shards, index[:-1])
    more = [dataclasses.replace(shards[0], records=8)]
    with pytest.raises(InputError, match=r"the index has \[9\] records by shard, the manifest expects \[8\]"):
        _open(tmp_path, more, index)


def test_a_folder_in_the_place_of_a_shard_counts_as_missing(tmp_path):
    shards, index = write(tmp_path, [1, 2], num_shards=1)
    (tmp_path / shards[0].file).unlink()
    (tmp_path / shards[0].file).mkdir()
    with pytest.raises(InputError, match="this shard is missing; the manifest expects 2 records in it"):
        _open(tmp_path, shards, index)


@pytest.mark.parametrize("payload", [b"something else", tf.train.Example().SerializeToString()])
def test_records_of_another_tool_are_named(tmp_path, payload):
    with ShardWriter(str(tmp_path), "train", num_shards=1, seed=0) as writer:
        writer.add(1, 5, payload)
        shards, index = writer.finish()
    with pytest.raises(InputError, match="tfrecord: its records are not those of this task"):
        _open(tmp_path, shards, index).read([0])


def test_decoding_fields_that_are_not_stored_are_missed(tmp_path):
    reader = _open(tmp_path, *write(tmp_path, [1], with_decoding=False), with_decoding=True)
    with pytest.raises(InputError, match="tfrecord: its records are not those of this task"):
        reader.read([0])


def _with_another_label(path, start, end, payload):
    content = path.read_bytes()
    example = tf.train.Example.FromString(payload)
    label = example.features.feature["start_positions"].int64_list
    label.value[0] ^= 1
    with tf.io.TFRecordWriter(str(path.with_suffix(".other"))) as writer:
        writer.write(example.SerializeToString(deterministic=True))
    path.write_bytes(content[:start] + path.with_suffix(".other").read_bytes() + content[end:])


def test_a_shard_whose_labels_were_changed_is_refused(tmp_path):
    shards, index = write(tmp_path, range(9), num_shards=1)
    _open(tmp_path, shards, index)
    path = tmp_path / shards[0].file
    payload = next(iter(tf.data.TFRecordDataset(str(path)))).numpy()
    _with_another_label(path, 0, int(index["offset"][1]), payload)
    assert path.stat().st_size == shards[0].bytes
    with pytest.raises(InputError, match="was changed after the conversion, its SHA-256 is not that of the manifest"):
        _open(tmp_path, shards, index)


def test_shards_are_compared_with_their_digests_once(tmp_path, monkeypatch):
    shards, index = write(tmp_path, range(9))
    compared = []
    monkeypatch.setattr(digests, "sha256_of", lambda path: compared.append(path) or shards[len(compared) - 1].sha256)
    _open(tmp_path, shards, index)
    assert len(compared) == len(shards)
    _open(tmp_path, shards, index)
    assert len(compared) == len(shards)


@pytest.mark.parametrize(
    "feature",
    [
        tf.train.Feature(int64_list=tf.train.Int64List(value=[2**40] * 6)),
        tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"\xff"])),
        tf.train.Feature(float_list=tf.train.FloatList(value=[1.5])),
    ],
)
@pytest.mark.parametrize("name", ["input_word_ids", "qas_id"])
def test_a_record_with_values_of_another_kind_is_named(tmp_path, name, feature):
    payload = serialize(vars(window(7, 6)), QA_FEATURES, with_decoding=True)
    example = tf.train.Example.FromString(payload)
    example.features.feature[name].CopyFrom(feature)
    with ShardWriter(str(tmp_path), "train", num_shards=1, seed=0) as writer:
        writer.add(1, 6, example.SerializeToString())
        shards, index = writer.finish()
    with pytest.raises(InputError, match="tfrecord: its records are not those of this task"):
        _open(tmp_path, shards, index, with_decoding=True).read([0])
