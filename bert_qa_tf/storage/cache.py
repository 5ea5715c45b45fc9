"""Finds the user's cache, which holds downloads and a record of what has been checked.

Checked are modules, and shards of records against their manifest. The cache is `~/.cache/bert_qa_tf`, unless
`XDG_CACHE_HOME` is set. Anything in it may be deleted; it is created again when it is needed.
"""

from __future__ import annotations

import os
import pathlib

from absl import logging


def cache_dir() -> pathlib.Path:
    """Returns this package's folder in the user's cache, by the XDG base directory rules; it may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(base) / "bert_qa_tf"


def use_for_tensorflow_hub() -> None:
    """Makes tensorflow_hub keep its downloads in the user's cache, unless `TFHUB_CACHE_DIR` is set."""
    # By default tensorflow_hub uses the system's temporary folder, where downloads get lost.
    os.environ.setdefault("TFHUB_CACHE_DIR", str(cache_dir() / "tfhub"))


def was_checked(fingerprint: str) -> bool:
    """Returns whether this user has called `mark_checked` with this fingerprint on this machine."""
    return (cache_dir() / "checked" / fingerprint).exists()


def mark_checked(fingerprint: str) -> None:
    """Records that what has this fingerprint passed its check.

    If the cache cannot be written, the failure is logged and not raised.
    """
    mark = cache_dir() / "checked" / fingerprint
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:
        logging.info("cannot write %s (%s): it will be checked again next time", mark, error.strerror)
