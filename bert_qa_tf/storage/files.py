"""Reads and writes whole files, local or remote.

A remote path such as `gs://bucket/file` is handled by TensorFlow's file layer. TensorFlow is imported when the first
remote path is used, and never for local files. Writing is atomic: a file gets its name only when it is complete.
Records are read and written in `records`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from bert_qa_tf.errors import InputError

PathLike = str | os.PathLike[str]

_TEMPORARY = re.compile(r"(.+)\.[0-9a-f]{16}\.tmp")


def is_remote(path: PathLike) -> bool:
    """Returns whether `path` is a remote address (`gs://…`, `s3://…`) rather than a local path."""
    return "://" in os.fspath(path)


def exists(path: PathLike) -> bool:
    """Returns whether there is a file or a folder at `path`."""
    name = os.fspath(path)
    return _remote_layer().exists(name) if is_remote(name) else os.path.exists(name)


def is_folder(path: PathLike) -> bool:
    """Returns whether `path` is an existing folder."""
    name = os.fspath(path)
    return _remote_layer().isdir(name) if is_remote(name) else os.path.isdir(name)


def make_folder(path: PathLike) -> None:
    """Creates a folder and its parents if they are missing.

    Raises:
      InputError: the folder cannot be created or written to.
    """
    name = os.fspath(path)
    with _explained(name, "make this folder"):
        if is_remote(name):
            _remote_layer().makedirs(name)
        else:
            os.makedirs(name, exist_ok=True)
    if not is_remote(name) and not os.access(name, os.W_OK):
        raise InputError(f"{name}: this folder cannot be written to")


# === Reading ===


@contextlib.contextmanager
def open_binary(path: PathLike) -> Iterator[BinaryIO]:
    """Opens a file for reading in blocks.

    Raises:
      InputError: there is no such file, or it cannot be read. Errors while reading are raised as this type too.
    """
    name = os.fspath(path)
    with _explained(name, "read this file"), _open(name, "rb") as file:
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
    with _explained(name, "read this file", expected), _open(name, "rb") as file:
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
    try:
        # Some editors write a byte order mark, which is not part of the JSON.
        value = json.loads(text.removeprefix("\ufeff"))
    except ValueError as error:
        raise InputError(f"{os.fspath(path)}: not JSON ({error}), expected {wanted}") from error
    except RecursionError as error:
        raise InputError(f"{os.fspath(path)}: JSON nested too deeply, expected {wanted}") from error
    if not isinstance(value, dict):
        raise InputError(f"{os.fspath(path)}: holds {type(value).__name__}, expected {wanted}")
    return value


# === Writing ===


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[BinaryIO]:
    """Opens a file for writing and gives it its name only when it is complete.

    Until then the file has a unique temporary name in the same folder. The folder is created if it is missing. If the
    body raises, the temporary file is removed and an existing file at `path` is left unchanged.

    Raises:
      InputError: the file cannot be written. The file's own `write` raises it too.
    """
    name = os.fspath(path)
    if not is_remote(name) and os.path.exists(name) and not os.path.isfile(name):
        with _Written(name, name) as file:  # a pipe or /dev/stdout must not be replaced
            yield file
        return
    target = name if is_remote(name) else os.path.realpath(name)  # a link stays a link
    temporary = f"{target}.{secrets.token_hex(8)}.tmp"
    make_folder(os.path.dirname(target))
    try:
        with _Written(temporary, name) as file:
            yield file
        with _explained(name, "write this file"):
            _move(temporary, target)
    except BaseException:
        _remove_if_there(temporary)
        raise


class _Written:
    """A file open for writing whose errors name it.

    Only errors from the file itself are converted; errors from the code that uses it are left unchanged.
    """

    def __init__(self, path: str, name: str) -> None:
        self._name = name
        with _explained(name, "write this file"):
            self._file = _open(path, "wb")

    def __enter__(self) -> _Written:
        return self

    def __exit__(self, *_: object) -> None:
        with _explained(self._name, "write this file"):
            self._file.close()

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._file, attribute)

    def write(self, content: bytes) -> int | None:
        """Writes all of `content`."""
        with _explained(self._name, "write this file"):
            return self._file.write(content)


def final_name(name: str) -> str:
    """Returns the final name for the temporary name of an unfinished file, or `name` itself for any other name.

    A killed process may leave a file with a temporary name.

    >>> final_name("config.json.0123456789abcdef.tmp")
    'config.json'
    """
    found = _TEMPORARY.fullmatch(name)
    return found[1] if found else name


def write_text(path: PathLike, text: str) -> None:
    """Writes `text` as UTF-8 with its line endings unchanged, completely or not at all; see `replacing`.

    Raises:
      InputError: the file cannot be written.
    """
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def write_json(path: PathLike, value: Any) -> None:
    """Writes a value as indented JSON, completely or not at all; see `replacing`.

    Raises:
      InputError: the file cannot be written.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    with replacing(path) as file:
        # A path or a broken text may hold a lone surrogate, which is written as a JSON escape.
        file.write(text.encode("utf-8", "backslashreplace"))


def write_lines(path: PathLike, lines: Iterable[str]) -> None:
    """Writes lines as UTF-8 while they are produced; the file gets its name only when all are written.

    Raises:
      InputError: the file cannot be written.
    """
    if is_folder(path):
        raise InputError(f"{path}: is a folder, expected the name of a file to write")
    with replacing(path) as file:
        for line in lines:
            file.write(line.encode("utf-8") + b"\n")


# === Both file layers ===


def _remote_layer() -> Any:
    import tensorflow as tf  # takes seconds, and only remote paths need it

    return tf.io.gfile


def _open(name: str, mode: str) -> Any:
    return _remote_layer().GFile(name, mode) if is_remote(name) else open(name, mode)


def _move(source: str, target: str) -> None:
    if is_remote(target):
        _remote_layer().rename(source, target, overwrite=True)
    else:
        os.replace(source, target)


def _remove_if_there(name: str) -> None:
    # The error that led here is more informative than any error of the cleanup.
    with contextlib.suppress(Exception):
        (_remote_layer().remove if is_remote(name) else os.remove)(name)


@contextlib.contextmanager
def _explained(name: str, deed: str, expected: str | None = None) -> Iterator[None]:
    """Converts errors of either file layer into an `InputError` of one line."""
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
