import pytest
import tensorflow as tf

from bert_qa_tf.records.framing import crc32c, framed_size, unframe


def _slow_crc32c(data: bytes) -> int:
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        # The check value of CRC-32C, and the examples of RFC 3720, B.4.
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"", 0),
    ],
)
def test_the_checksum_is_crc32c(data, checksum):
    assert crc32c(data) == checksum


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 4095, 4096, 4097, 4099, 9000])
def test_looking_up_whole_blocks_gives_what_one_bit_after_the_other_gives(size):
    data = bytes((7 * place + place // 251) % 256 for place in range(size))
    assert crc32c(data) == _slow_crc32c(data)


@pytest.mark.parametrize("payload", [b"", b"a", bytes(range(256)) * 40])
def test_a_frame_that_tensorflow_wrote_gives_its_payload(tmp_path, payload):
    path = tmp_path / "a.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(payload)
    frame = path.read_bytes()
    assert len(frame) == framed_size(len(payload))
    assert unframe(frame) == payload


def test_a_frame_with_any_changed_byte_or_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "a.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"the cat sat")
    frame = path.read_bytes()
    for place in range(len(frame)):
        changed = bytearray(frame)
        changed[place] ^= 1
        assert unframe(bytes(changed)) is None
        assert unframe(frame[:place]) is None
    assert unframe(frame + b"\0") is None
