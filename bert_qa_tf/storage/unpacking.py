"""Unpacks a .tar.gz that nobody vouches for.

A small archive can hold terabytes, in its files or in its headers. So it is unpacked as a stream that is counted, and
what weights and vocabularies cannot need is refused: too much for its size, too many files, links, devices, files with
holes, names that lead out of the folder.
"""

from __future__ import annotations

import contextlib
import gzip
import pathlib
import tarfile
import zlib
from typing import BinaryIO

from bert_qa_tf.errors import InputError

# Weights hardly get smaller when they are packed; vocabularies and graphs to a tenth. Small archives may do better.
MAX_RATIO = 20
_SPARE_BYTES = 64 * 2**20
_MAX_FILES = 1_000
# At once, which only a header that holds no file could be.
_MAX_READ_BYTES = 1 << 20


def max_unpacked_bytes(packed_bytes: int) -> int:
    """Returns how much an archive of this size may hold, in bytes: 20 times its size and 64 MiB more."""
    return MAX_RATIO * packed_bytes + _SPARE_BYTES


def unpack(path: pathlib.Path, folder: pathlib.Path) -> None:
    """Unpacks an archive into a folder, which has files in it too if that fails.

    Raises:
      InputError: this is no .tar.gz, it is damaged, or it holds what is refused.
    """
    try:
        most = max_unpacked_bytes(path.stat().st_size)
        with contextlib.ExitStack() as stack:
            unpacked = _Counted(stack.enter_context(gzip.open(path)), most)
            archive = stack.enter_context(tarfile.open(fileobj=unpacked, mode="r:"))
            for number, member in enumerate(archive, start=1):
                if number > _MAX_FILES:
                    raise InputError(f"holds more than {_MAX_FILES:,} files")
                if not (member.isreg() or member.isdir()) or member.issparse():
                    raise InputError(f"{member.name!r} is a link, a device or a file with holes, expected a plain file")
                # The filter refuses names that lead out of the folder.
                archive.extract(member, folder, filter="data")
            while unpacked.read(_MAX_READ_BYTES):  # to the checksum at the end
                pass
    except InputError as error:
        raise InputError(f"cannot be unpacked: {error}") from error
    except RecursionError as error:  # the standard library's reader calls itself for each header and each folder
        raise InputError("cannot be unpacked: holds hundreds of headers or folders in a row") from error
    except gzip.BadGzipFile as error:
        raise InputError("cannot be unpacked (not a gzip file, or a damaged one)") from error
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, OverflowError) as error:
        raise InputError(f"cannot be unpacked ({error})") from error


class _Counted:
    """A stream that ends with an error after so many bytes, and only goes forwards, apart from the byte just read."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._most = most
        self._position = 0
        self._last = b""
        self._is_back = False

    def read(self, size: int) -> bytes:
        if size > _MAX_READ_BYTES:
            raise InputError(f"holds a header of {size:,} bytes")
        if not size:
            return b""
        again, self._is_back = (self._last if self._is_back else b""), False
        content = again + self._file.read(size - len(again))
        self._position += len(content)
        self._last = content[-1:]
        if self._position > self._most:
            raise InputError(f"holds more than {self._most:,} bytes ({MAX_RATIO} times its size and 64 MiB)")
        return content

    def seek(self, position: int) -> None:
        if position == self._position - 1 and self._last:
            self._position, self._is_back = position, True
        if position < self._position:
            raise InputError("its files are out of order")
        while position > self._position and self.read(min(position - self._position, _MAX_READ_BYTES)):
            pass

    def tell(self) -> int:
        return self._position
