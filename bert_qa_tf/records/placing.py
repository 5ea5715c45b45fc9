"""Puts a complete conversion in its place, and deletes nothing that no conversion wrote.

A conversion is made in a folder beside its place and renamed in the end. An older one is first renamed aside and then
deleted, file by file. A process that is killed in between leaves folders with unique names, from which the next one
restores the older conversion.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from typing import Literal

import tensorflow as tf
from absl import logging

from bert_qa_tf.errors import InputError
from bert_qa_tf.records import manifest as manifests
from bert_qa_tf.storage import atomic_files, files

_LEFTOVER = re.compile(r"(.+)\.[0-9a-f]{16}\.(incomplete|replaced)")


def temporary_folder(output_dir: str) -> str:
    """Returns the path of a new folder to make a conversion in, beside its place."""
    return _beside(output_dir, "incomplete")


def check_target(output_dir: str, overwrite: bool) -> bytes | None:
    """Checks that a conversion may be put into a folder.

    Args:
      output_dir: the folder; may be remote, and need not exist.
      overwrite: whether to replace an existing conversion.

    Returns:
      The manifest of the conversion that would be replaced; None if the folder is empty or missing.

    Raises:
      InputError: there is a file in its place, or files that no conversion wrote, or a conversion that must not be
        replaced.
    """
    if not files.exists(output_dir):
        return None
    if not files.is_folder(output_dir):
        raise InputError(f"{output_dir}: is a file, expected a folder to write records to")
    names = files.list_folder(output_dir)
    if not names:
        return None
    if not manifests.holds_conversion(output_dir):
        raise InputError(f"{output_dir}: not empty and no conversion, so it is left alone; name another --output_dir")
    if not overwrite:
        raise InputError(f"{output_dir}: holds a conversion already; name another --output_dir, or use --overwrite")
    own = manifests.written_files(output_dir)
    foreign = [name for name in names if name not in own or files.is_folder(f"{output_dir}/{name}")]
    if foreign:
        raise InputError(
            f"{output_dir}: holds {foreign[0]}, which no conversion wrote; move it away, or name another --output_dir"
        )
    return files.read_bytes(f"{output_dir}/{manifests.MANIFEST_FILE}")


def put_in_place(temporary: str, output_dir: str, before: bytes | None) -> None:
    """Gives a complete conversion its name.

    Args:
      temporary: the folder that it was made in.
      output_dir: its place.
      before: what `check_target` returned before the conversion was made.

    Raises:
      InputError: the folder has changed since.
    """
    now = check_target(output_dir, overwrite=before is not None)
    if now not in (None, before):
        raise InputError(f"{output_dir}: another conversion was put here meanwhile, so it is left as it is")
    if files.is_remote(output_dir):
        if now is not None:
            _delete(output_dir)
        elif files.exists(output_dir):
            files.remove(output_dir)
        tf.io.gfile.rename(temporary, output_dir)
        return
    if now is None:
        os.rename(temporary, output_dir)  # replaces an empty folder, and fails if it is not empty any more
    else:
        replaced = _beside(output_dir, "replaced")
        os.rename(output_dir, replaced)
        try:
            os.rename(temporary, output_dir)
        except OSError:
            os.rename(replaced, output_dir)
            raise
        _delete(replaced)
    atomic_files.sync_names(os.path.dirname(output_dir))


def clear_leftovers(output_dir: str) -> None:
    """Removes what killed conversions left beside a folder, and restores the conversion that one was replacing.

    Args:
      output_dir: the place of a conversion, whose lock this process holds.
    """
    for path in _leftovers(output_dir, "replaced"):
        if files.exists(output_dir):
            _delete(path)
        else:
            tf.io.gfile.rename(path, output_dir)
            logging.warning("%s: restored, because the run that was replacing it was killed", output_dir)
    for path in _leftovers(output_dir, "incomplete"):
        files.remove(path)


def _beside(output_dir: str, kind: Literal["incomplete", "replaced"]) -> str:
    return f"{output_dir}.{secrets.token_hex(8)}.{kind}"


def _leftovers(output_dir: str, kind: str) -> list[str]:
    parent, base = output_dir.rsplit("/", 1)
    found = [_LEFTOVER.fullmatch(name) for name in files.list_folder(parent or "/")]
    return [f"{parent}/{match[0]}" for match in found if match and match[1] == base and match[2] == kind]


def _delete(folder: str) -> None:
    """Deletes the files of a conversion, and its folder unless other files are in it."""
    if files.exists(f"{folder}/{manifests.MANIFEST_FILE}"):
        # The manifest goes last locally, because it names the others. A remote folder must not look complete meanwhile.
        names = sorted(manifests.written_files(folder), key=lambda name: name == manifests.MANIFEST_FILE)
        for name in reversed(names) if files.is_remote(folder) else names:
            with contextlib.suppress(tf.errors.NotFoundError):
                tf.io.gfile.remove(f"{folder}/{name}")
    if files.list_folder(folder):
        logging.warning("%s: kept, because files are in it that no conversion wrote", folder)
    else:
        files.remove(folder)
