"""Reads and writes whole files, local or remote.

A remote path such as `gs://bucket/file` is handled by TensorFlow's file layer. TensorFlow is imported when the first
remote path is used, and never for local files. Writing is atomic: a file gets its name only when it is complete.
Records are read and written in `records`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import json_text, temporary_files

PathLike = str | os.PathLike[str]

_DESCRIPTOR = re.compile(r"(?:/dev/fd|/proc/self/fd)/([0-9]+)")


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


def list_folder(path: PathLike) -> list[str]:
    """Returns the names in a folder, in order; none if there is no such folder.

    Raises:
      InputError: the folder cannot be read.
    """
    name = os.fspath(path)
    if not is_folder(name):
        return []
    with _explained(name, "list this folder"):
        names = _remote_layer().listdir(name) if is_remote(name) else os.listdir(name)
    return sorted(entry.rstrip("/") for entry in names)


def remove(path: PathLike) -> None:
    """Removes a file, or a folder with all that is in it; does nothing if there is none.

    Of a link, the link is removed and never what it leads to. TensorFlow's `rmtree` would empty the folders that links
    lead to.

    Raises:
      InputError: it cannot be removed.
    """
    name = os.fspath(path)
    with _explained(name, "remove this"):
        if is_remote(name):
            if exists(name):
                (_remote_layer().rmtree if is_folder(name) else _remote_layer().remove)(name)
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
    with _explained(name, "read this file"), _opened(name) as file:
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
    with _explained(name, "read this file", expected), _opened(name) as file:
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


# === Writing ===


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[BinaryIO]:
    """Opens a file for writing and gives it its name only when it is complete; see `replacing_together`."""
    with replacing_together(path) as (file,):
        yield file


@contextlib.contextmanager
def replacing_together(*paths: PathLike) -> Iterator[list[BinaryIO]]:
    """Opens several files for writing and gives them their names only when all of them are complete and on the disk.

    Until then each file has a unique temporary name in its folder. The folder is created if it is missing. If the body
    raises, or one of the files cannot be written, the temporary files are removed and existing files are left
    unchanged. A link is followed, and its target replaced. What is no regular file, such as a pipe or `/dev/null`, is
    written to directly. Temporary files of the same targets whose processes have died are removed.

    Raises:
      InputError: a file cannot be written. The files' own `write` raises it too.
    """
    opened: list[_Written] = []
    try:
        for path in paths:
            opened.append(_open_for_writing(os.fspath(path)))
        yield opened
        for file in opened:
            file.complete()
        _move_all(opened)
        for folder in {os.path.dirname(file.target) for file in opened if not is_remote(file.target)}:
            temporary_files.sync_folder(folder)
    finally:
        for file in opened:
            file.discard()


class _Written:
    """A file open for writing whose errors name it.

    Only errors from the file itself are converted; errors from the code that uses it are left unchanged.

    Attributes:
      target: the path that is written to in the end.
      temporary: the path that is written to until then; None if `target` is written to directly.
    """

    def __init__(
        self, name: str, target: str, temporary: str | None, file: BinaryIO, descriptor: int | None = None
    ) -> None:
        self.target = target
        self.temporary = temporary
        self._name = name
        self._file = file
        self._descriptor = descriptor

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._file, attribute)

    def write(self, content: bytes) -> int | None:
        """Writes all of `content`."""
        with _explained(self._name, "write this file"):
            return self._file.write(content)

    def complete(self) -> None:
        """Closes the file once its content is on the disk."""
        with _explained(self._name, "write this file"):
            self._file.flush()
            if self._descriptor is not None:
                temporary_files.sync_descriptor(self._descriptor)
            self._file.close()

    def move(self) -> None:
        """Gives the file its name."""
        if self.temporary is not None:
            with _explained(self._name, "write this file"):
                _move(self.temporary, self.target)
            self.temporary = None

    def discard(self) -> None:
        """Removes what was not moved, and lets go of the rest."""
        if self.temporary is not None:
            _remove_if_there(self.temporary)
        with contextlib.suppress(Exception):
            self._file.close()
        if self._descriptor is not None:
            os.close(self._descriptor)


def _move_all(opened: Sequence[_Written]) -> None:
    """Gives files their names; if one of them cannot be moved, those before it are put back as they were."""
    kept: list[tuple[_Written, bool, str | None]] = []
    try:
        for file in opened:
            if len(opened) > 1 and file.temporary is not None and not is_remote(file.target):
                kept.append((file, os.path.lexists(file.target), temporary_files.second_name(file.target)))
            file.move()
    except BaseException:
        for file, was_there, second_name in reversed(kept):
            if file.temporary is None and second_name is not None:
                os.replace(second_name, file.target)
            elif file.temporary is None and not was_there:
                os.remove(file.target)
        raise
    finally:
        for _, _, second_name in kept:
            if second_name is not None:
                _remove_if_there(second_name)


def _open_for_writing(name: str) -> _Written:
    if is_remote(name):
        make_folder(os.path.dirname(name))
        temporary = temporary_files.unique_name(name)
        with _explained(name, "write this file"):
            return _Written(name, name, temporary, _remote_layer().GFile(temporary, "wb"))
    with _explained(name, "write this file"):
        target = os.path.realpath(name)  # a link stays a link
        if (descriptor := _descriptor_of(name)) is not None:
            sys.stdout.flush()
            return _Written(name, name, None, os.fdopen(os.dup(descriptor), "wb"))
        if os.path.exists(target) and not os.path.isfile(target):
            return _Written(name, name, None, open(target, "wb"))
        if os.path.islink(target):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        there = os.stat(target) if os.path.exists(target) else None
        if there is not None and not os.access(target, os.W_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    make_folder(os.path.dirname(target))
    temporary_files.remove_abandoned(target)
    with _explained(name, "write this file"):
        temporary, file, descriptor = temporary_files.create(target)
        if there is not None:
            with contextlib.suppress(OSError):  # a file system without modes
                os.fchmod(descriptor, stat.S_IMODE(there.st_mode))
        return _Written(name, target, temporary, file, descriptor)


def _descriptor_of(name: str) -> int | None:
    """Returns the number of an open file that a path stands for, as `/dev/stdout` does."""
    # Opening such a path anew would cut off what the shell's `>>` is to keep.
    path = os.path.abspath(name)
    if path in ("/dev/stdout", "/dev/stderr"):
        return 1 if path == "/dev/stdout" else 2
    found = _DESCRIPTOR.fullmatch(path)
    return int(found[1]) if found else None


def sync(path: PathLike) -> None:
    """Waits until a local file, or all files of a local folder, are on the disk; does nothing for a remote path.

    Raises:
      InputError: the disk is full or broken.
    """
    name = os.fspath(path)
    if is_remote(name):
        return
    with _explained(name, "write this file"):
        for folder, _, names in os.walk(name):
            for inside in names:
                temporary_files.sync_file(os.path.join(folder, inside))
            temporary_files.sync_folder(folder)
        if not os.path.isdir(name):
            temporary_files.sync_file(name)


def sync_names(folder: PathLike) -> None:
    """Waits until the names in a local folder are on the disk; does nothing for a remote one."""
    if not is_remote(folder):
        temporary_files.sync_folder(os.fspath(folder))


def write_text(path: PathLike, text: str) -> None:
    """Writes `text` as UTF-8 with its line endings unchanged, completely or not at all; see `replacing`.

    Raises:
      InputError: the file cannot be written.
    """
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def json_bytes(value: Any) -> bytes:
    """Returns a value as indented JSON, as `write_json` writes it."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    # A path or a broken text may hold a lone surrogate, which is written as a JSON escape.
    return text.encode("utf-8", "backslashreplace")


def write_json(path: PathLike, value: Any) -> None:
    """Writes a value as indented JSON, completely or not at all; see `replacing`.

    Raises:
      InputError: the file cannot be written.
    """
    content = json_bytes(value)
    with replacing(path) as file:
        file.write(content)


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


@contextlib.contextmanager
def _opened(name: str) -> Iterator[Any]:
    """Opens a file for reading."""
    try:
        is_name = b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        is_name = False
    if not is_name:
        raise InputError(f"{name!r}: no file can have this name")
    with _remote_layer().GFile(name, "rb") if is_remote(name) else open(name, "rb") as file:
        if not is_remote(name) and _may_never_end(os.fstat(file.fileno()).st_mode, name) and not file.isatty():
            raise InputError(f"{name}: is a device, which may never end; expected a file")
        yield file


def _may_never_end(mode: int, name: str) -> bool:
    return stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not os.path.samefile(name, os.devnull))


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
