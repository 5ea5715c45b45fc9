"""Finds the newest checkpoint in a folder, even if the file that lists the checkpoints was lost in a power cut."""

from __future__ import annotations

import re

import tensorflow as tf
from absl import logging
from google.protobuf import message, text_format

from bert_qa_tf.storage import files

# The errors that TensorFlow raises for a checkpoint that is truncated, damaged or of another model.
UNREADABLE = (
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    message.DecodeError,
    tf.errors.OpError,
)
_INDEX = re.compile(r"ckpt-([0-9]+)\.index")
_LIST = "checkpoint"


def newest(folder: str) -> str | None:
    """Returns the path of the newest checkpoint; None if there is none.

    It is the one that the file `checkpoint` names. If that file is empty, damaged or missing, it is the newest one that
    can be read, and a warning says so.

    Args:
      folder: the folder of the checkpoints; may be remote.
    """
    path = listed(folder)
    if path is not None and files.exists(f"{path}.index"):
        return path
    for step in reversed(steps(folder)):
        path = f"{folder}/ckpt-{step}"
        if why_unreadable(path) is None:
            state = "damaged" if is_list_there(folder) else "missing"
            logging.warning("%s/%s: %s, so the newest readable checkpoint is used, ckpt-%d", folder, _LIST, state, step)
            return path
    return None


def listed(folder: str) -> str | None:
    """Returns the newest checkpoint that the file `checkpoint` names; None if that is missing, empty or damaged.

    It is the one of this folder, even if the file was copied here from another.
    """
    paths = _listed_paths(folder)
    return f"{folder}/{paths[0].rpartition('/')[2]}" if paths else None


def listed_steps(folder: str) -> set[int]:
    """Returns the steps of all checkpoints that the file `checkpoint` names."""
    names = (path.rpartition("/")[2].removeprefix("ckpt-") for path in _listed_paths(folder))
    return {int(name) for name in names if name.isdecimal()}


def is_list_readable(folder: str) -> bool:
    """Returns whether the file `checkpoint` names checkpoints, or is not there since none was saved yet."""
    return bool(_listed_paths(folder)) or not is_list_there(folder)


def leads_elsewhere(folder: str) -> bool:
    """Returns whether the file `checkpoint` names a path in another folder, as that of a copied run may do."""
    return any(path.rpartition("/")[0] != folder for path in _listed_paths(folder))


def _listed_paths(folder: str) -> list[str]:
    try:
        state = tf.train.get_checkpoint_state(folder)
    except (ValueError, text_format.ParseError, tf.errors.OpError):
        return []
    if state is None or not state.model_checkpoint_path:
        return []
    return [state.model_checkpoint_path, *state.all_model_checkpoint_paths]


def is_list_there(folder: str) -> bool:
    """Returns whether there is a file `checkpoint`, in whatever state."""
    return files.exists(f"{folder}/{_LIST}")


def steps(folder: str) -> list[int]:
    """Returns the steps of all checkpoints in a folder, in ascending order."""
    return sorted(int(match[1]) for match in map(_INDEX.fullmatch, files.list_folder(folder)) if match)


def why_unreadable(path: str) -> str | None:
    """Reads every value of a checkpoint, which verifies its checksums; returns the error, or None if there is none."""
    try:
        reader = tf.train.load_checkpoint(path)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except UNREADABLE as error:
        return (str(error).splitlines() or [type(error).__name__])[0]
    return None
