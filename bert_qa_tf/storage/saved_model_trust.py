"""Decides whether a SavedModel may be loaded.

A SavedModel is a program. One whose operations reach beyond the process (see `saved_model_ops.py`) is refused, unless
the user has said that it is trusted. Of one that comes from an address, the SHA-256 of its program is told before it is
loaded for the first time. Both are kept in the user's cache, by that SHA-256.
"""

from __future__ import annotations

import hashlib

from absl import logging
from tensorflow.core.protobuf import saved_model_pb2

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import addresses, cache, files, protos, saved_model_ops

_FILE = "saved_model.pb"
# Also here, for a cache that cannot be written to.
_trusted: set[str] = set()


def trust(path: str) -> None:
    """Records that this user trusts the program of a SavedModel, whatever it does.

    Args:
      path: its folder, which may be remote.

    Raises:
      InputError: there is no SavedModel at `path`.
    """
    digest = hashlib.sha256(_read(path)).hexdigest()
    _trusted.add(digest)
    cache.mark_checked(f"trusted-{digest}")


def is_trusted(path: str) -> bool:
    """Returns whether this user has said that the program of a SavedModel is trusted.

    Args:
      path: its folder, which may be remote.

    Raises:
      InputError: there is no SavedModel at `path`.
    """
    return _is_trusted(hashlib.sha256(_read(path)).hexdigest())


def check(path: str, source: str | None = None) -> None:
    """Checks a SavedModel before it is loaded.

    Args:
      path: its folder, which may be remote.
      source: what the user asked for; `path` if None.

    Raises:
      InputError: there is no SavedModel at `path`, or it does what is refused and is not trusted.
    """
    source = source or path
    content = _read(path)
    digest = hashlib.sha256(content).hexdigest()
    model = protos.parse(saved_model_pb2.SavedModel, content, f"{path}/{_FILE}", "SavedModel")
    found, shown = _harmful(model, path), addresses.shown(source)
    fault, reach = None, "it reaches no files or network"
    if found:
        reach = f"it uses {', '.join(found[:5])}, and --trust was given"
        fault = (
            f"{shown}: this SavedModel is refused, because it reaches files, the network or other programs "
            f"({', '.join(found[:5])})"
        )
    elif not saved_model_ops.is_of_tensorflow_2(model):
        reach = "it is in TensorFlow 1's format, and --trust was given"
        fault = (
            f"{shown}: this SavedModel is refused, because it is in TensorFlow 1's format, of which it cannot be told "
            "what it reaches"
        )
    if fault and not _is_trusted(digest):
        raise InputError(
            f"{fault}; its program, {_FILE}, has SHA-256 {digest}. If you trust whoever made it, add --trust"
        )
    if files.is_remote(source) and not cache.was_checked(f"announced-{digest}"):
        logging.warning(
            "%s: a SavedModel is a program, which is run now for the first time; %s (%s has SHA-256 %s)",
            shown,
            reach,
            _FILE,
            digest,
        )
        cache.mark_checked(f"announced-{digest}")


def _is_trusted(digest: str) -> bool:
    return digest in _trusted or cache.was_checked(f"trusted-{digest}")


def _read(path: str) -> bytes:
    return files.read_bytes(f"{path.rstrip('/')}/{_FILE}", expected="a SavedModel")


def _harmful(model: saved_model_pb2.SavedModel, path: str) -> list[str]:
    found: set[str] = set()
    for meta_graph in model.meta_graphs:
        try:
            found |= set(saved_model_ops.harmful_operations(meta_graph))
        except (IndexError, KeyError, RecursionError) as error:
            raise InputError(f"{path}/{_FILE}: this SavedModel is damaged ({error!r})") from error
        found |= {f"the asset {name!r}" for name in saved_model_ops.unsafe_assets(meta_graph)}
    return sorted(found)
