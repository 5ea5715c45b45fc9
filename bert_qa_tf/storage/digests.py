"""Computes SHA-256 digests of local or remote files.

Files are read in blocks, so that a file of any size needs little memory.
"""

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
    """Returns the length and the SHA-256 of a file.

    Raises:
      InputError: the file cannot be read.
    """
    digest = hashlib.sha256()
    size_bytes = 0
    for block in _blocks(path):
        digest.update(block)
        size_bytes += len(block)
    return FileDigest(size_bytes, digest.hexdigest())


def sha256_of(path: files.PathLike) -> str:
    """Returns the SHA-256 of a file, in hexadecimal.

    Raises:
      InputError: the file cannot be read.
    """
    return file_digest(path).sha256


def sha256_of_files(paths: Iterable[files.PathLike]) -> str:
    """Returns the SHA-256 of the concatenated contents of several files, in hexadecimal.

    Raises:
      InputError: a file cannot be read.
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
