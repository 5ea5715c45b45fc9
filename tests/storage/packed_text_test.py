import gzip

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage.packed_text import open_text


def _read(path, size=1 << 20) -> bytes:
    with open_text(path, "a text") as file:
        return b"".join(iter(lambda: file.read(size), b""))


def _write(tmp_path, content: bytes):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
@pytest.mark.parametrize("content", [b"", b"a", b"twelve bytes", bytes(100)])
def test_gzip_is_told_by_its_content(tmp_path, content, size):
    assert _read(_write(tmp_path, content), size) == content
    assert _read(_write(tmp_path, gzip.compress(content)), size) == content


@pytest.mark.parametrize("kept", [2, 9, 15, 40])
def test_a_truncated_gzip_file_is_one_clear_line(tmp_path, kept):
    path = _write(tmp_path, gzip.compress(bytes(range(256)))[:kept])
    with pytest.raises(InputError, match=r"file\.json: not a whole gzip file \(.*\), expected a text$"):
        _read(path)


def test_a_damaged_gzip_file_is_one_clear_line(tmp_path):
    content = bytearray(gzip.compress(bytes(range(256)) * 9))
    content[20:24] = b"\xff\xff\xff\xff"
    with pytest.raises(InputError, match=r"file\.json: not a whole gzip file"):
        _read(_write(tmp_path, bytes(content)))


def test_what_unpacks_to_far_more_than_text_is_refused(tmp_path):
    path = _write(tmp_path, gzip.compress(bytes(40 * 2**20)))
    with pytest.raises(InputError, match=r"file\.json: unpacks to more than 200 times its size and 16 MiB; if that"):
        _read(path)


@pytest.mark.parametrize(
    ("beginning", "what"),
    [
        (b"PK\x03\x04", "a zip archive, expected a text: unpack it first"),
        (b"BZh9", "a bzip2 file, expected a text: unpack it first"),
        (b"\xfd7zXZ\0", "an xz file, expected a text: unpack it first"),
        (b"PAR1\x15\x04", "a Parquet file, expected a text: write it as JSON lines first"),
    ],
)
def test_other_files_are_named(tmp_path, beginning, what):
    with pytest.raises(InputError, match=f"file.json: is {what}"):
        _read(_write(tmp_path, beginning + bytes(30)))
