"""Reads and writes whole files, local or remote, and imports no TensorFlow for a local one.

An address such as `gs://bucket/file` goes through TensorFlow's own file layer, which is imported when the first one is
met. A file that is written takes its name only when all of it is there. Records are read and written elsewhere (see
`records`).
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
    """Whether `path` is an address (`gs://…`, `s3://…`) and no local path."""
    return "://" in os.fspath(path)


def exists(path: PathLike) -> bool:
    """Whether there is a file or a folder at `path`."""
    name = os.fspath(path)
    return _remote_layer().exists(name) if is_remote(name) else os.path.exists(name)


def is_folder(path: PathLike) -> bool:
    """Whether `path` is a folder that is there."""
    name = os.fspath(path)
    return _remote_layer().isdir(name) if is_remote(name) else os.path.isdir(name)


def make_folder(path: PathLike) -> None:
    """Makes a folder and those above it, where they are missing.

    Raises:
      InputError: it cannot be made or written to.
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
    """Opens a file to be read in blocks.

    Raises:
      InputError: there is no such file, or it cannot be read; also while it is being read.
    """
    name = os.fspath(path)
    with _explained(name, "read this file"), _open(name, "rb") as file:
        yield file


def read_bytes(path: PathLike, *, expected: str | None = None) -> bytes:
    """The content of a file.

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
    """The content of a UTF-8 file as it is: its line ends and a byte order mark stay.

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
    """The object that a JSON file holds.

    Args:
      path: the file.
      expected: what the file should have been, for the error message.

    Raises:
      InputError: there is no such file, it cannot be read, or it is not UTF-8, not JSON or no object.
    """
    text = read_text(path, expected=expected)
    wanted = expected or "a JSON object"
    try:
        # A byte order mark, which some editors write, is no part of the JSON.
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
    """Opens a file to write, which takes its name only once all of it is written.

    Until then it has a temporary name in the same folder, which no other writer uses. The folder is made when it is
    missing. Where the body raises, the temporary file is removed and what lay at `path` stays as it was.

    Raises:
      InputError: the file cannot be written; also from the file's own `write`.
    """
    name = os.fspath(path)
    if not is_remote(name) and os.path.exists(name) and not os.path.isfile(name):
        with _Written(name, name) as file:  # a pipe, or /dev/stdout: nothing may take its place
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
    """A file that is being written, and whose own errors name it. Those of other work in between stay what they are."""

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
    """The name that a file takes once it is whole: of a temporary name the one behind it, else `name` itself.

    A killed process leaves a file with a temporary name.

    >>> final_name("config.json.0123456789abcdef.tmp")
    'config.json'
    """
    found = _TEMPORARY.fullmatch(name)
    return found[1] if found else name


def write_text(path: PathLike, text: str) -> None:
    """Writes `text` as UTF-8, its line ends as they are, whole or not at all; see `replacing`.

    Raises:
      InputError: the file cannot be written.
    """
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def write_json(path: PathLike, value: Any) -> None:
    """Writes a value as JSON for people to read, whole or not at all; see `replacing`.

    Raises:
      InputError: the file cannot be written.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    with replacing(path) as file:
        # A lone surrogate, which a path or a broken text may hold, becomes the escape that JSON has for it.
        file.write(text.encode("utf-8", "backslashreplace"))


def write_lines(path: PathLike, lines: Iterable[str]) -> None:
    """Writes lines as UTF-8, as they come; the file takes its name only once all are written.

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
    import tensorflow as tf  # only a remote path needs it, and it takes seconds to import

    return tf.io.gfile


def _open(name: str, mode: str) -> Any:
    return _remote_layer().GFile(name, mode) if is_remote(name) else open(name, mode)


def _move(source: str, target: str) -> None:
    if is_remote(target):
        _remote_layer().rename(source, target, overwrite=True)
    else:
        os.replace(source, target)


def _remove_if_there(name: str) -> None:
    # Whatever goes wrong here, the error that led here says more.
    with contextlib.suppress(Exception):
        (_remote_layer().remove if is_remote(name) else os.remove)(name)


@contextlib.contextmanager
def _explained(name: str, deed: str, expected: str | None = None) -> Iterator[None]:
    """Turns what either file layer raises into one line."""
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
