"""Checks what a command is to write before it starts: no input is overwritten, and nothing that another tool made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files

# Enough to recognise the output of a command by its beginning.
_HEAD_BYTES = 1 << 20


def check_file(
    path: files.PathLike,
    inputs: Iterable[files.PathLike] = (),
    *,
    overwrite: bool = False,
    is_own: Callable[[bytes], bool] = lambda head: False,
) -> None:
    """Checks that a file may be written.

    Args:
      path: the file to write; may be remote.
      inputs: the files and folders that are read.
      overwrite: whether to replace a file that the command has not made. An input is never replaced.
      is_own: returns whether a file was made by the same command, from its first bytes. Such a file is replaced.

    Raises:
      InputError: the file is one of the inputs, is a folder, or exists and must not be replaced.
    """
    name = os.fspath(path)
    check_not_read(name, inputs)
    if files.is_folder(name):
        raise InputError(f"{name}: is a folder, expected the name of a file to write")
    if overwrite or not _is_regular(name):
        return
    with files.open_binary(name) as file:
        head = file.read(_HEAD_BYTES)
    if head and not is_own(head):
        raise InputError(
            f"{name}: is there already and not an earlier result of this command; name another file, or replace it "
            "with --overwrite"
        )


def check_not_read(path: files.PathLike, inputs: Iterable[files.PathLike]) -> None:
    """Checks that an output is none of the inputs, through links and hard links too.

    Args:
      path: a file or folder to write. If it is a folder, no input may lie inside.
      inputs: the files and folders that are read.

    Raises:
      InputError: the output is one of the inputs, or a folder that holds one.
    """
    output = os.fspath(path)
    for source in map(os.fspath, inputs):
        if not files.is_remote(source) and not os.path.lexists(source):
            continue  # a name that is no path, or a mistake that is reported when it is read
        if _same_file(output, source):
            raise InputError(f"{output}: is also an input ({source}), which would be lost; name another output")
        if _is_inside(source, output):
            raise InputError(f"{output}: holds an input ({source}), which would be lost; name another output")


def _is_regular(name: str) -> bool:
    if files.is_remote(name):
        return files.exists(name) and not files.is_folder(name)
    return os.path.isfile(name)


def _same_file(output: str, source: str) -> bool:
    if files.is_remote(output) or files.is_remote(source):
        return output.rstrip("/") == source.rstrip("/")
    if os.path.exists(output) and os.path.exists(source):
        # A terminal or /dev/null may be both.
        is_stored = os.path.isfile(output) or os.path.isdir(output)
        return is_stored and os.path.samefile(output, source)
    return os.path.realpath(output) == os.path.realpath(source)


def _is_inside(source: str, folder: str) -> bool:
    if files.is_remote(source) != files.is_remote(folder):
        return False
    if files.is_remote(folder):
        return source.startswith(f"{folder.rstrip('/')}/")
    return os.path.realpath(source).startswith(os.path.join(os.path.realpath(folder), ""))
