"""Reads whole files, and makes, lists and removes files and folders, local or remote.

A remote path such as `gs://bucket/file` is handled by TensorFlow's file layer. TensorFlow is imported when the first
remote path is used, and never for local files. Files are written in `atomic_files`, records read and written in
`records`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import json_text

PathLike = str | os.PathLike[str]


def is_remote(path: PathLike) -> bool:
    """Returns whether `path` is a remote address (`gs://…`, `s3://…`) rather than a local path."""
    return "://" in os.fspath(path)


def exists(path: PathLike) -> bool:
    """Returns whether there is a file or a folder at `path`."""
    name = os.fspath(path)
    return remote_layer().exists(name) if is_remote(name) else os.path.exists(name)


def is_folder(path: PathLike) -> bool:
    """Returns whether `path` is an existing folder."""
    name = os.fspath(path)
    return remote_layer().isdir(name) if is_remote(name) else os.path.isdir(name)


def make_folder(path: PathLike) -> None:
    """Creates a folder and its parents if they are missing.

    Raises:
      InputError: the folder cannot be created or written to.
    """
    name = os.fspath(path)
    with explained(name, "make this folder"):
        if is_remote(name):
            remote_layer().makedirs(name)
        else:
            os.makedirs(name, exist_ok=True)
    if not is_remote(name) and not os.access(name, os.W_OK):
        raise InputError(f"{name}: this folder cannot be written to")


def list_folder(path: PathLike) -> list[str]:
    """Returns the names in a folder, in order; none if there is no such folder.

    Raises:
      InputError: the folder cannot be read.
    """
    name = os.fspath(path)
    if not is_folder(name):
        return []
    with explained(name, "list this folder"):
        names = remote_layer().listdir(name) if is_remote(name) else os.listdir(name)
    return sorted(entry.rstrip("/") for entry in names)


def remove(path: PathLike) -> None:
    """Removes a file, or a folder with all that is in it; does nothing if there is none.

    Of a link, the link is removed and never what it leads to. TensorFlow's `rmtree` would empty the folders that links
    lead to.

    Raises:
      InputError: it cannot be removed.
    """
    name = os.fspath(path)
    with explained(name, "remove this"):
        if is_remote(name):
            if exists(name):
                (remote_layer().rmtree if is_folder(name) else remote_layer().remove)(name)
        elif os.path.isdir(name) and not os.path.islink(name):
            shutil.rmtree(name)
        elif os.path.lexists(name):
            os.remove(name)


# === Reading ===


@contextlib.contextmanager
def open_binary(path: PathLike) -> Iterator[BinaryIO]:
    """Opens a file for reading in blocks.

    Raises:
      InputError: there is no such file, or it cannot be read. Errors while reading are raised as this type too.
    """
    name = os.fspath(path)
    with explained(name, "read this file"), _opened(name) as file:
        yield file


def read_bytes(path: PathLike, *, expected: str | None = None) -> bytes:
    """Reads the content of a file.

    Args:
      path: the file.
      expected: what the file should have been, for the error message.

    Raises:
      InputError: there is no such file, or it cannot be read.
    """
    name = os.fspath(path)
    with explained(name, "read this file", expected), _opened(name) as file:
        return file.read()


def read_text(path: PathLike, *, expected: str | None = None) -> str:
    """Reads a UTF-8 file without changing it: line endings and a byte order mark are kept.

    Args:
      path: the file.
      expected: what the file should have been, for the error message.

    Raises:
      InputError: there is no such file, it cannot be read, or it is not UTF-8.
    """
    content = read_bytes(path, expected=expected)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{os.fspath(path)}: not UTF-8 at byte {error.start}, expected {expected or 'UTF-8 text'}"
        ) from error


def read_json(path: PathLike, *, expected: str | None = None) -> dict[str, Any]:
    """Reads a JSON file that holds an object.

    Args:
      path: the file.
      expected: what the file should have been, for the error message.

    Raises:
      InputError: there is no such file, it cannot be read, or it is not UTF-8, not JSON or not an object.
    """
    text = read_text(path, expected=expected)
    wanted = expected or "a JSON object"
    value = json_text.parse_at(os.fspath(path), text, wanted)
    if not isinstance(value, dict):
        raise InputError(f"{os.fspath(path)}: holds {type(value).__name__}, expected {wanted}")
    return value


def check_inputs(paths: Iterable[PathLike]) -> None:
    """Looks at all inputs of a command before it begins to work, which may take hours.

    Raises:
      InputError: one of them is missing, a folder, or cannot be read.
    """
    for path in paths:
        name = os.fspath(path)
        if is_folder(name):
            raise InputError(f"{name}: is a folder, expected a file")
        if is_remote(name) or not os.path.exists(name) or os.path.isfile(name):  # a pipe can be opened only once
            with open_binary(name):
                pass


def refuse_pipe(path: PathLike) -> None:
    """Refuses a pipe, for those who read a file twice: the second time, it would be empty.

    Raises:
      InputError: it is one.
    """
    name = os.fspath(path)
    if not is_remote(name) and os.path.exists(name) and stat.S_ISFIFO(os.stat(name).st_mode):
        raise InputError(f"{name}: is a pipe, which can be read only once, expected a file")


# === Both file layers ===


def remote_layer() -> Any:
    """Returns TensorFlow's file layer."""
    import tensorflow as tf  # takes seconds, and only remote paths need it

    return tf.io.gfile


@contextlib.contextmanager
def _opened(name: str) -> Iterator[Any]:
    """Opens a file for reading."""
    try:
        is_name = b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        is_name = False
    if not is_name:
        raise InputError(f"{name!r}: no file can have this name")
    with remote_layer().GFile(name, "rb") if is_remote(name) else open(name, "rb") as file:
        if not is_remote(name) and _may_never_end(os.fstat(file.fileno()).st_mode, name) and not file.isatty():
            raise InputError(f"{name}: is a device, which may never end; expected a file")
        yield file


def _may_never_end(mode: int, name: str) -> bool:
    return stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not os.path.samefile(name, os.devnull))


@contextlib.contextmanager
def explained(name: str, deed: str, expected: str | None = None) -> Iterator[None]:
    """Converts errors of either file layer into an `InputError` of one line.

    Args:
      name: the file or folder.
      deed: what could not be done, such as `read this file`.
      expected: what the file should have been.

    Raises:
      InputError: the body raised such an error.
    """
    errors: tuple[type[Exception], ...] = (OSError,)
    if is_remote(name):
        import tensorflow as tf

        errors = (OSError, tf.errors.OpError)
    try:
        yield
    except errors as error:
        reason = getattr(error, "strerror", None) or getattr(error, "message", None) or repr(error)
        wanted = f", expected {expected}" if expected else ""
        raise InputError(f"{name}: cannot {deed} ({reason.splitlines()[0]}){wanted}") from error
