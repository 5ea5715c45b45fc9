"""Writes whole files, local or remote, completely or not at all: a file gets its name only when it is complete.

Files are read in `files`, which also says what a remote path is.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, temporary_files

_DESCRIPTOR = re.compile(r"(?:/dev/fd|/proc/self/fd)/([0-9]+)")


@contextlib.contextmanager
def replacing(path: files.PathLike) -> Iterator[BinaryIO]:
    """Opens a file for writing and gives it its name only when it is complete; see `replacing_together`."""
    with replacing_together(path) as (file,):
        yield file


@contextlib.contextmanager
def replacing_together(*paths: files.PathLike) -> Iterator[list[BinaryIO]]:
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
        for folder in {os.path.dirname(file.target) for file in opened if not files.is_remote(file.target)}:
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
        with files.explained(self._name, "write this file"):
            return self._file.write(content)

    def complete(self) -> None:
        """Closes the file once its content is on the disk."""
        with files.explained(self._name, "write this file"):
            self._file.flush()
            if self._descriptor is not None:
                temporary_files.sync_descriptor(self._descriptor)
            self._file.close()

    def move(self) -> None:
        """Gives the file its name."""
        if self.temporary is not None:
            with files.explained(self._name, "write this file"):
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
            if len(opened) > 1 and file.temporary is not None and not files.is_remote(file.target):
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
    if files.is_remote(name):
        files.make_folder(os.path.dirname(name))
        temporary = temporary_files.unique_name(name)
        with files.explained(name, "write this file"):
            return _Written(name, name, temporary, files.remote_layer().GFile(temporary, "wb"))
    with files.explained(name, "write this file"):
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
    files.make_folder(os.path.dirname(target))
    temporary_files.remove_abandoned(target)
    with files.explained(name, "write this file"):
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


def sync(path: files.PathLike) -> None:
    """Waits until a local file, or all files of a local folder, are on the disk; does nothing for a remote path.

    Raises:
      InputError: the disk is full or broken.
    """
    name = os.fspath(path)
    if files.is_remote(name):
        return
    with files.explained(name, "write this file"):
        for folder, _, names in os.walk(name):
            for inside in names:
                temporary_files.sync_file(os.path.join(folder, inside))
            temporary_files.sync_folder(folder)
        if not os.path.isdir(name):
            temporary_files.sync_file(name)


def sync_names(folder: files.PathLike) -> None:
    """Waits until the names in a local folder are on the disk; does nothing for a remote one."""
    if not files.is_remote(folder):
        temporary_files.sync_folder(os.fspath(folder))


def write_text(path: files.PathLike, text: str) -> None:
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


def write_json(path: files.PathLike, value: Any) -> None:
    """Writes a value as indented JSON, completely or not at all; see `replacing`.

    Raises:
      InputError: the file cannot be written.
    """
    content = json_bytes(value)
    with replacing(path) as file:
        file.write(content)


def write_lines(path: files.PathLike, lines: Iterable[str]) -> None:
    """Writes lines as UTF-8 while they are produced; the file gets its name only when all are written.

    Raises:
      InputError: the file cannot be written.
    """
    if files.is_folder(path):
        raise InputError(f"{path}: is a folder, expected the name of a file to write")
    with replacing(path) as file:
        for line in lines:
            file.write(line.encode("utf-8") + b"\n")


def _move(source: str, target: str) -> None:
    if files.is_remote(target):
        files.remote_layer().rename(source, target, overwrite=True)
    else:
        os.replace(source, target)


def _remove_if_there(name: str) -> None:
    # The error that led here is more informative than any error of the cleanup.
    with contextlib.suppress(Exception):
        (files.remote_layer().remove if files.is_remote(name) else os.remove)(name)
