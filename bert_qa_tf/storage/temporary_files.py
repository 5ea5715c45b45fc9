"""Temporary files of local files that are being written, and waiting until a file is on the disk.

A temporary file is locked for as long as its process holds it open, so those of killed processes can be told and
removed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

_TEMPORARY = re.compile(r"(.+)\.[0-9a-f]{16}\.tmp")


def unique_name(target: str) -> str:
    """Returns a new temporary name for a file, in the same folder."""
    return f"{target}.{secrets.token_hex(8)}.tmp"


def final_name(name: str) -> str:
    """Returns the final name for the temporary name of an unfinished file, or `name` itself for any other name.

    A killed process may leave a file with a temporary name.

    >>> final_name("config.json.0123456789abcdef.tmp")
    'config.json'
    """
    found = _TEMPORARY.fullmatch(name)
    return found[1] if found else name


def create(target: str) -> tuple[str, BinaryIO, int]:
    """Creates the temporary file of a target.

    Returns:
      Its path; the file, open for writing; and a descriptor that keeps it from `remove_abandoned` of other processes
      until it is closed.
    """
    while True:
        temporary = unique_name(target)
        file = _open_new(temporary)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        if os.path.exists(temporary):
            return temporary, file, os.dup(file.fileno())
        file.close()  # another process took it for abandoned before it was locked


def _open_new(path: str) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o666), "wb")


@contextlib.contextmanager
def folder_for(target: str, mode: int = 0o777) -> Iterator[str]:
    """Makes a temporary folder beside a target, and removes it in the end, unless it has been moved to the target.

    Temporary folders of any target beside it whose processes were killed are removed first.

    Args:
      target: a local path, whose parent exists.
      mode: the folder's permissions, of which the process's mask is taken off.

    Raises:
      OSError: the folder cannot be made.
    """
    _remove_abandoned_folders(os.path.dirname(target))
    folder, descriptor = _make_locked_folder(target, mode)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _make_locked_folder(target: str, mode: int) -> tuple[str, int]:
    while True:
        folder = unique_name(target)
        os.mkdir(folder, mode)
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.exists(folder):
                return folder, descriptor
            os.close(descriptor)
        # Another process took it for abandoned before it was locked.


def working_folder() -> contextlib.AbstractContextManager[str]:
    """Makes a folder among the system's temporary ones, and removes it in the end.

    Unlike that of `tempfile.TemporaryDirectory`, it is removed by the next one if its process is killed.

    Raises:
      OSError: the folder cannot be made.
    """
    return folder_for(os.path.join(tempfile.gettempdir(), "bert_qa_tf"), 0o700)


def _remove_abandoned_folders(parent: str) -> None:
    for entry in os.listdir(parent):
        path = os.path.join(parent, entry)
        if final_name(entry) != entry and os.path.isdir(path) and not os.path.islink(path):
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its process lives
                    shutil.rmtree(path, ignore_errors=True)
                finally:
                    os.close(descriptor)


def second_name(target: str) -> str | None:
    """Gives a file a second, temporary name, by which it outlives its replacement; returns None if that fails."""
    name = unique_name(target)
    try:
        os.link(target, name)
    except OSError:  # there is no such file, or the file system has no links
        return None
    return name


def remove_abandoned(target: str) -> None:
    """Removes temporary files of a target that no process holds open: their processes were killed."""
    folder, base = os.path.split(target)
    try:
        names = os.listdir(folder)
    except OSError:
        return  # a folder that may be written to but not listed
    for name in names:
        if name != base and final_name(name) == base:
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its process lives
                    os.remove(path)
                finally:
                    os.close(descriptor)


def sync_file(path: str) -> None:
    """Waits until the content of a file is on the disk.

    Raises:
      OSError: the disk is full or broken.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync_descriptor(descriptor)
    finally:
        os.close(descriptor)


def sync_descriptor(descriptor: int) -> None:
    """Does the same for an open file."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot
            raise


def sync_folder(path: str) -> None:
    """Waits until the names in a folder are on the disk, if its file system can."""
    with contextlib.suppress(OSError):
        sync_file(path)
