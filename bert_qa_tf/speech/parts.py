"""The folder of parts beside an output: what was heard so far, from which the same command goes on."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

from bert_qa_tf.storage import lock, temporary_files

# Names that recognition of recordings and of spoken texts give to parts.
_PART = re.compile(r"([0-9]{10,}-)?[0-9a-f]{24}\.json")


@contextlib.contextmanager
def folder(path: str, output: str, *, keep: bool = False) -> Iterator[None]:
    """Keeps the parts of an output in a folder until the output is written.

    The folder is locked: two processes do not work on the same output. In the end the parts are removed, and the folder
    too if nothing else is in it. If the body raises, the parts stay.

    Args:
      path: the folder, made if it is missing.
      output: the file that is made of the parts, for messages.
      keep: whether parts stay in the end.

    Raises:
      InputError: another process writes the same output, or the folder cannot be written to.
    """
    try:
        with lock.held(os.path.join(path, lock.LOCK_FILE), output):
            yield
            if not keep:
                _remove_parts(path)
    finally:
        with contextlib.suppress(OSError):  # not empty
            os.rmdir(path)


def clear_finished(path: str, output: str) -> None:
    """Removes the parts of an output that is newer than all of them: its process was killed at its very end.

    Args:
      path: the folder of parts, which need not exist.
      output: the file that was made of them.

    Raises:
      InputError: another process writes the same output.
    """
    if not os.path.isdir(path):
        return
    made = os.stat(output).st_mtime_ns
    names = [name for name in os.listdir(path) if name != lock.LOCK_FILE]
    if all(os.stat(os.path.join(path, name)).st_mtime_ns <= made for name in names):
        with folder(path, output):
            pass


def _remove_parts(path: str) -> None:
    for name in os.listdir(path):
        if _PART.fullmatch(temporary_files.final_name(name)):
            os.remove(os.path.join(path, name))
