"""Downloads TF-Hub modules from `https://` addresses, and archives of them, into tensorflow_hub's cache.

tensorflow_hub would do it too, but follows redirects to anywhere, and unpacks whatever comes.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import urllib.parse

from absl import logging

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import addresses, cache, files, temporary_files, transfer, unpacking

# Asks a module's page for the archive of the module.
_QUERY = ("tf-hub-format", "compressed")


def fetch_module(address: str) -> str:
    """Returns the folder of a module, which is downloaded and unpacked if the cache does not have it.

    Raises:
      InputError: it cannot be had, or is no archive that may be unpacked.
    """
    cache.use_for_tensorflow_hub()
    root = os.environ["TFHUB_CACHE_DIR"]
    if files.is_remote(root):
        raise InputError(f"TFHUB_CACHE_DIR={root}: expected a local folder")
    # The name that tensorflow_hub gives it, so that what it downloaded before is found.
    folder = pathlib.Path(root) / hashlib.sha1(address.encode()).hexdigest()
    if folder.is_dir() and any(folder.iterdir()):
        return str(folder)
    shown = addresses.shown(address)
    logging.info("downloading %s", shown)
    archive = folder.with_name(f"{folder.name}.tar.gz")
    try:
        transfer.fetch([_with_query(address) if addresses.is_web(address) else address], archive)
        _unpack(archive, folder)
    except InputError as error:
        raise InputError(f"{shown}: cannot get this module ({error})") from error
    finally:
        archive.unlink(missing_ok=True)
    return str(folder)


def _with_query(address: str) -> str:
    try:
        parts = urllib.parse.urlsplit(address)
        query = urllib.parse.urlencode([*urllib.parse.parse_qsl(parts.query), _QUERY])
    except ValueError as error:
        raise InputError(f"no valid address ({error})") from error
    return urllib.parse.urlunsplit(parts._replace(query=query))


def _unpack(archive: pathlib.Path, folder: pathlib.Path) -> None:
    """Unpacks an archive into a new folder, completely or not at all."""
    files.make_folder(folder.parent)
    with temporary_files.folder_for(str(folder)) as temporary:
        unpacking.unpack(archive, pathlib.Path(temporary))
        try:
            os.rename(temporary, folder)
        except OSError as error:
            # Another process may have unpacked the same module in the meantime.
            if not folder.is_dir():
                raise InputError(f"{folder}: cannot write this folder ({error.strerror})") from error
