"""Finds the user's cache, where downloads are kept and where it is noted which modules have been checked.

It is `~/.cache/bert_qa_tf`, unless `XDG_CACHE_HOME` says otherwise. Deleting any of it is safe: it is made again.
"""

from __future__ import annotations

import os
import pathlib

from absl import logging


def cache_dir() -> pathlib.Path:
    """The user's cache folder of this package, by the XDG base directory rules; it may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(base) / "bert_qa_tf"


def use_for_tensorflow_hub() -> None:
    """Has tensorflow_hub keep its downloads in the user's cache, unless `TFHUB_CACHE_DIR` says otherwise."""
    # Its own default is below the system's temporary folder, where downloads are lost.
    os.environ.setdefault("TFHUB_CACHE_DIR", str(cache_dir() / "tfhub"))


def was_checked(fingerprint: str) -> bool:
    """Whether `mark_checked` was called with this fingerprint, by this user on this machine."""
    return (cache_dir() / "checked" / fingerprint).exists()


def mark_checked(fingerprint: str) -> None:
    """Remembers that the module with this fingerprint passed its check. A cache that cannot be written is no error."""
    mark = cache_dir() / "checked" / fingerprint
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:
        logging.info("cannot write %s (%s): the module will be checked again next time", mark, error.strerror)
