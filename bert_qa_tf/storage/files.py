"""Whole files, local or remote, without importing TensorFlow for a local one.

What goes in: a path or an address such as `gs://bucket/file`. What comes out: its bytes, or a file written. Addresses
go through TensorFlow's own file layer, imported when the first one is met; records are not read here (see `tfrecord`).
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from bert_qa_tf.errors import InputError

PathLike = str | os.PathLike[str]


def is_remote(path: PathLike) -> bool:
    """Whether `path` is an address (`gs://…`, `s3://…`) and no local path."""
    return "://" in os.fspath(path)


def read_bytes(path: PathLike) -> bytes:
    """The content of a file.

    Raises:
      InputError: there is no such file, or it cannot be read.
    """
    name = os.fspath(path)
    if is_remote(name):
        import tensorflow as tf  # only a remote path needs it, and it takes seconds to import

        try:
            with tf.io.gfile.GFile(name, "rb") as file:
                return file.read()
        except tf.errors.OpError as error:
            raise InputError(f"{name}: cannot read this file ({error.message})") from error
    try:
        return pathlib.Path(name).read_bytes()
    except OSError as error:
        raise InputError(f"{name}: cannot read this file ({error.strerror})") from error


@contextlib.contextmanager
def open_binary(path: PathLike) -> Iterator[BinaryIO]:
    """Opens a file to be read in blocks.

    Raises:
      InputError: there is no such file, or it cannot be read; also while it is being read.
    """
    name = os.fspath(path)
    if is_remote(name):
        import tensorflow as tf

        try:
            with tf.io.gfile.GFile(name, "rb") as file:
                yield file
        except tf.errors.OpError as error:
            raise InputError(f"{name}: cannot read this file ({error.message})") from error
        return
    try:
        with open(name, "rb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{name}: cannot read this file ({error.strerror})") from error


def exists(path: PathLike) -> bool:
    """Whether there is a file or a folder at `path`."""
    name = os.fspath(path)
    if is_remote(name):
        import tensorflow as tf

        return tf.io.gfile.exists(name)
    return os.path.exists(name)


def is_folder(path: PathLike) -> bool:
    """Whether `path` is a folder that is there."""
    name = os.fspath(path)
    if is_remote(name):
        import tensorflow as tf

        return tf.io.gfile.isdir(name)
    return os.path.isdir(name)


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[BinaryIO]:
    """Opens a file to write, which takes its name only once all of it is written.

    The folder is made when it is missing. Where the body raises, what lay at `path` stays as it was.

    Raises:
      InputError: the file cannot be written.
    """
    name = os.fspath(path)
    temporary = f"{name}.tmp"
    if is_remote(name):
        import tensorflow as tf

        try:
            tf.io.gfile.makedirs(os.path.dirname(name))
            with tf.io.gfile.GFile(temporary, "wb") as file:
                yield file
            tf.io.gfile.rename(temporary, name, overwrite=True)
        except tf.errors.OpError as error:
            raise InputError(f"{name}: cannot write this file ({error.message})") from error
        return
    try:
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(temporary, "wb") as file:
            yield file
        os.replace(temporary, name)
    except OSError as error:
        raise InputError(f"{name}: cannot write this file ({error.strerror})") from error


def make_folder(path: PathLike) -> None:
    """Makes a folder and those above it, where they are missing.

    Raises:
      InputError: it cannot be made or written to.
    """
    name = os.fspath(path)
    if is_remote(name):
        import tensorflow as tf

        try:
            tf.io.gfile.makedirs(name)
        except tf.errors.OpError as error:
            raise InputError(f"{name}: cannot make this folder ({error.message})") from error
        return
    try:
        os.makedirs(name, exist_ok=True)
    except OSError as error:
        raise InputError(f"{name}: cannot make this folder ({error.strerror})") from error
    if not os.access(name, os.W_OK):
        raise InputError(f"{name}: this folder cannot be written to")


def write_text(path: PathLike, text: str) -> None:
    """Writes `text` as UTF-8, its line ends as they are, making the folder when it is missing.

    Raises:
      InputError: the file cannot be written.
    """
    name = os.fspath(path)
    if is_remote(name):
        import tensorflow as tf

        try:
            tf.io.gfile.makedirs(os.path.dirname(name))
            with tf.io.gfile.GFile(name, "wb") as file:
                file.write(text.encode("utf-8"))
        except tf.errors.OpError as error:
            raise InputError(f"{name}: cannot write this file ({error.message})") from error
        return
    try:
        pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(name).write_bytes(text.encode("utf-8"))
    except OSError as error:
        raise InputError(f"{name}: cannot write this file ({error.strerror})") from error


def read_json(path: PathLike) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
      InputError: the file cannot be read, or holds something else.
    """
    content = read_bytes(path)
    try:
        value = json.loads(content)
    except ValueError as error:  # not JSON, or not UTF-8
        raise InputError(f"{path}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def write_lines(path: PathLike, lines: Iterable[str]) -> None:
    """Writes lines as UTF-8, whole or not at all, as they come.

    Raises:
      InputError: the file cannot be written.
    """
    if is_folder(path):
        raise InputError(f"{path}: is a folder, expected the name of a file to write")
    with replacing(path) as file:
        for line in lines:
            file.write(line.encode("utf-8") + b"\n")
