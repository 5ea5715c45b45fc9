"""Makes version folders of exports, `<export_dir>/<name>/<version>`: all of a version, or nothing of it.

A version is made in a temporary folder of the export folder and moved when it is complete and checked. Several models
of one version are moved one after the other. If the process is killed in between, the next export finishes that; what
else a killed export left, it removes.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import tensorflow as tf
from absl import logging

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files, files, lock

# The second form is that of a version that is complete and being moved.
_TEMPORARY = re.compile(r"\.(writing|moving)-([0-9]+)-[0-9a-f]{16}")


class NewVersion(NamedTuple):
    """A version that is being made.

    Attributes:
      folder: the temporary folder, in which each model has a folder of its name.
      version: the number.
    """

    folder: str
    version: int


@contextlib.contextmanager
def new_version(export_dir: str, names: Sequence[str], version: int | None) -> Iterator[NewVersion]:
    """Makes a version; if the body raises, nothing is kept.

    Args:
      export_dir: the folder of exports; may be remote. No other process exports to it meanwhile.
      names: the names of the models that are exported together.
      version: the requested version; None for one more than the highest existing one.

    Raises:
      InputError: the requested version exists already, or is below 1; another process exports to the folder; or it
        cannot be written to.
    """
    with lock.held(f"{export_dir}/{lock.LOCK_FILE}", export_dir):
        _clear_leftovers(export_dir)
        version = choose_version(export_dir, names, version)
        token = secrets.token_hex(8)
        folder, complete = (f"{export_dir}/.{state}-{version}-{token}" for state in ("writing", "moving"))
        tf.io.gfile.makedirs(folder)
        try:
            yield NewVersion(folder, version)
            atomic_files.sync(folder)
            choose_version(export_dir, names, version)  # raises an error if it has been made in another way meanwhile
            tf.io.gfile.rename(folder, complete)
            _move(export_dir, complete, version)
        finally:
            files.remove(folder)


def choose_version(export_dir: str, names: Sequence[str], version: int | None) -> int:
    """Returns the version of an export, which has a folder `<export_dir>/<name>/<version>` for each of `names`.

    Args:
      export_dir: the parent folder; may be remote.
      names: the names of the models that are exported together.
      version: the requested version; None for one more than the highest existing version.

    Raises:
      InputError: the requested version exists already, or is below 1.
    """
    there: set[int] = set()
    for name in names:
        there |= {int(entry) for entry in files.list_folder(f"{export_dir}/{name}") if entry.isdecimal()}
    if version is None:
        return max(there, default=0) + 1
    if version < 1:
        raise InputError(f"--version must be at least 1, got {version}")
    if version in there:
        raise InputError(f"{export_dir}: version {version} is there already; leave --version out for {max(there) + 1}")
    return version


def _move(export_dir: str, complete: str, version: int) -> None:
    """Moves the models of a complete version to their places, all or none, and removes its temporary folder."""
    moved = []
    try:
        for name in files.list_folder(complete):
            tf.io.gfile.makedirs(f"{export_dir}/{name}")
            tf.io.gfile.rename(f"{complete}/{name}", f"{export_dir}/{name}/{version}")
            moved.append(name)
            atomic_files.sync_names(f"{export_dir}/{name}")
    except Exception:
        for name in moved:
            tf.io.gfile.rename(f"{export_dir}/{name}/{version}", f"{complete}/{name}")
        files.remove(complete)
        raise
    files.remove(complete)


def _clear_leftovers(export_dir: str) -> None:
    """Finishes or removes what killed exports left; the caller holds the lock."""
    for entry in files.list_folder(export_dir):
        found = _TEMPORARY.fullmatch(entry)
        if found is None:
            continue
        path, version = f"{export_dir}/{entry}", int(found[2])
        if found[1] == "moving" and not any(
            tf.io.gfile.exists(f"{export_dir}/{name}/{version}") for name in files.list_folder(path)
        ):
            _move(export_dir, path, version)
            logging.warning("%s: finished version %d, whose export was killed at its end", export_dir, version)
        else:
            files.remove(path)
