"""SHA-256 of files, local or remote, read in blocks so that a file of any size needs little memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bert_qa_tf.storage import files

_BLOCK_BYTES = 1 << 20


class FileDigest(NamedTuple):
    """A file's length, and its SHA-256 in hexadecimal."""

    size_bytes: int
    sha256: str


def file_digest(path: files.PathLike) -> FileDigest:
    """Length and SHA-256 of a file.

    Raises:
      InputError: it cannot be read.
    """
    digest = hashlib.sha256()
    size_bytes = 0
    for block in _blocks(path):
        digest.update(block)
        size_bytes += len(block)
    return FileDigest(size_bytes, digest.hexdigest())


def sha256_of(path: files.PathLike) -> str:
    """SHA-256 of a file, in hexadecimal.

    Raises:
      InputError: it cannot be read.
    """
    return file_digest(path).sha256


def sha256_of_files(paths: Iterable[files.PathLike]) -> str:
    """SHA-256, in hexadecimal, of the contents of files one after the other.

    Raises:
      InputError: one of them cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        for block in _blocks(path):
            digest.update(block)
    return digest.hexdigest()


def _blocks(path: files.PathLike) -> Iterator[bytes]:
    with files.open_binary(path) as file:
        while block := file.read(_BLOCK_BYTES):
            yield block
