"""Opens files of text that may be compressed with gzip, whatever their names are.

A small gzip file can hold terabytes. So what is unpacked is counted, and more than text can need is refused.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files

# Text gets smaller by a factor of 3 to 5, and by far more where a context is repeated for each of its questions.
MAX_RATIO = 200
_SPARE_BYTES = 16 * 2**20
_BEGINNING_BYTES = 8
_BUFFER_BYTES = 1 << 16
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
# The beginnings of other packed files → what they are.
_OTHERS = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"(\xb5/\xfd": "a zstd file",
    b"7z\xbc\xaf": "a 7z archive",
}


@contextlib.contextmanager
def open_text(path: files.PathLike, expected: str) -> Iterator[BinaryIO]:
    """Opens a file of text, which its first bytes may say to be gzip.

    Args:
      path: the file, which may be remote.
      expected: what the file should be, for error messages.

    Yields:
      The unpacked bytes, to be read forwards only.

    Raises:
      InputError: the file cannot be read; or while it is read: it is no whole gzip file, unpacks to more than
        `MAX_RATIO` times its size and 16 MiB, or is packed in another way.
    """
    with files.open_binary(path) as opened:
        file = _Rejoined(opened)
        what = packed_otherwise(file.beginning)
        if what is not None:
            raise InputError(f"{path}: is {what}, expected {expected}: unpack it first")
        if file.beginning.startswith(_PARQUET):
            raise InputError(f"{path}: is a Parquet file, expected {expected}: write it as JSON lines first")
        is_packed = file.beginning.startswith(_GZIP)
        yield io.BufferedReader(_Unpacked(path, file, expected) if is_packed else file, _BUFFER_BYTES)


def unpack(content: bytes, name: str, expected: str, max_bytes: int) -> bytes:
    """Returns the bytes of a file of text, unpacked if they are gzip.

    Args:
      content: the file.
      name: its name, for error messages.
      expected: what the file should be, for error messages.
      max_bytes: it must not unpack to more.

    Raises:
      InputError: it is no whole gzip file, or unpacks to too much.
    """
    if not content.startswith(_GZIP):
        return content
    unpacked = _Unpacked(name, _Rejoined(io.BytesIO(content)), expected)
    found = io.BufferedReader(unpacked, _BUFFER_BYTES).read(max_bytes + 1)
    if len(found) > max_bytes:
        raise InputError(f"{name}: unpacks to more than {max_bytes:,} bytes, expected {expected}")
    return found


def packed_otherwise(content: bytes) -> str | None:
    """Returns what a file is, such as `a zip archive`, that is packed in another way than with gzip; else None."""
    return next((what for beginning, what in _OTHERS.items() if content.startswith(beginning)), None)


def holds_at_most(content: bytes, max_bytes: int) -> bool:
    """Returns whether a file of text has so many bytes at most once it is unpacked; a damaged one up to the damage."""
    if not content.startswith(_GZIP):
        return len(content) <= max_bytes
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content), mode="rb") as file:
            return len(file.read(max_bytes + 1)) <= max_bytes
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return True


class _Rejoined(io.RawIOBase):
    """A file whose beginning was read already; it counts what is read."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self.beginning = file.read(_BEGINNING_BYTES)
        self._waiting = self.beginning
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def read(self, size: int) -> bytes:
        content, self._waiting = self._waiting[:size], self._waiting[size:]
        if len(content) < size:
            content += self._file.read(size - len(content))
        self.count += len(content)
        return content


class _Unpacked(io.RawIOBase):
    """The content of a gzip file."""

    def __init__(self, path: files.PathLike, packed: _Rejoined, expected: str) -> None:
        super().__init__()
        self._path, self._packed, self._expected = path, packed, expected
        self._file = gzip.GzipFile(fileobj=packed, mode="rb")
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        try:
            content = self._file.read(len(buffer))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(f"{self._path}: not a whole gzip file ({error}), expected {self._expected}") from error
        self._count += len(content)
        if self._count > MAX_RATIO * self._packed.count + _SPARE_BYTES:
            raise InputError(
                f"{self._path}: unpacks to more than {MAX_RATIO} times its size and 16 MiB; if that is right, unpack "
                "it yourself and name that file"
            )
        buffer[: len(content)] = content
        return len(content)
