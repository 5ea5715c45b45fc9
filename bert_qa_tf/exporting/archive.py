"""Packs exported models into one archive with checksums, and downloads, checks and unpacks such archives.

`pack` writes the folders of an export to `<name>.tar.gz` with `<name>.tar.gz.sha256` beside it. `locate` takes the
address of an archive and returns the version folder of a checked copy in the user's cache. An archive contains:

    qa/1/…  qa_ids/1/…   the two SavedModels
    MODEL_CARD.md        the model card
    SHA256SUMS           the checksums of all files above, in the format of `sha256sum --check`

Packing is reproducible: archives of the same files have the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pathlib
import re
import tarfile
import urllib.parse
import zlib
from collections.abc import Iterable, Mapping
from typing import BinaryIO

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import model_card, warmup
from bert_qa_tf.storage import addresses, atomic_files, digests, files, outputs, temporary_files, transfer, unpacking
from bert_qa_tf.storage.cache import cache_dir

SUMS_FILE = "SHA256SUMS"
_ENDINGS = (".tar.gz", ".tgz")
_MAX_SUMS_BYTES = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


# === Packing ===


def check_target(path: str, inputs: Iterable[str] = (), overwrite: bool = False) -> None:
    """Checks that an archive may be written, before any long-running work starts.

    Args:
      path: the archive.
      inputs: the files and folders that are read.
      overwrite: whether to replace files that are no archive of an export and its checksum.

    Raises:
      InputError: the path is remote, has another ending, is one of the inputs, or must not be replaced.
    """
    _check_ending(path)
    outputs.check_file(path, inputs, overwrite=overwrite, is_own=_is_of_export)
    is_digest = re.compile(rb"[0-9a-f]{64}  [^\n]+\n").fullmatch
    outputs.check_file(f"{path}.sha256", inputs, overwrite=overwrite, is_own=lambda head: is_digest(head) is not None)


def _check_ending(path: str) -> None:
    if not path.endswith(_ENDINGS) or files.is_remote(path):
        raise InputError(f"{path}: expected a local path that ends in .tar.gz")


def _is_of_export(head: bytes) -> bool:
    """Returns whether a file that begins so is an archive that `pack` wrote: its first member has the checksums."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, len(SUMS_FILE)) == SUMS_FILE.encode()
    except zlib.error:
        return False


def folders_of(*folders: str) -> dict[str, str]:
    """Returns the places of exported models in an archive, `<name>/<version>` → folder, as `pack` takes them."""
    return {"/".join(folder.rstrip("/").split("/")[-2:]): folder for folder in folders}


def pack(folders: Mapping[str, str], path: str | os.PathLike[str]) -> str:
    """Packs exported models into an archive.

    Args:
      folders: place in the archive (`qa/1`) → version folder, which must be local.
      path: the archive, a local path that ends in .tar.gz; `<path>.sha256` is written beside it.

    Returns:
      The archive's SHA-256, in hexadecimal.

    Raises:
      InputError: the path has another ending, or a file cannot be read or written.
    """
    path = os.fspath(path)
    _check_ending(path)
    contents: dict[str, pathlib.Path] = {}
    for name, folder in folders.items():
        if files.is_remote(folder):
            raise InputError(f"{folder}: only a local export can be packed")
        root = pathlib.Path(folder)
        contents |= {f"{name}/{file.relative_to(root).as_posix()}": file for file in root.rglob("*") if file.is_file()}
        card = root / warmup.FOLDER / model_card.CARD_FILE
        if card.exists():
            contents["MODEL_CARD.md"] = card
    sums = "".join(f"{digests.sha256_of(file)}  {name}\n" for name, file in sorted(contents.items()))
    # To be reproducible, gzip's header holds no time and no name, and tar's holds no owner, time or mode.
    with atomic_files.replacing_together(path, f"{path}.sha256") as (raw, beside):
        written = _Digested(raw)
        with (
            gzip.GzipFile(filename="", mode="wb", fileobj=written, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            _add(archive, SUMS_FILE, io.BytesIO(sums.encode()), len(sums.encode()))
            for name, file in sorted(contents.items()):
                with file.open("rb") as content:
                    _add(archive, name, content, file.stat().st_size)
        digest = written.digest.hexdigest()
        beside.write(f"{digest}  {os.path.basename(path)}\n".encode())
    return digest


class _Digested:
    """Passes on what is written to a file, and computes its SHA-256."""

    def __init__(self, file: BinaryIO) -> None:
        self.digest = hashlib.sha256()
        self.flush = file.flush
        self._file = file

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        self._file.write(content)
        return len(content)


def _add(archive: tarfile.TarFile, name: str, content: io.BufferedIOBase, size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    archive.addfile(member, content)


# === Unpacking ===


def is_archive(address: str) -> bool:
    """Returns whether an address names an archive rather than a folder; see `locate`."""
    return urllib.parse.urldefrag(address).url.endswith(_ENDINGS)


def locate(address: str) -> str:
    """Returns the version folder for the address of a folder or an archive.

    A folder is returned unchanged. An archive is unpacked into the user's cache, once for each content. Its SHA-256
    must be the one behind `#sha256=` in the address, or the one in the `.sha256` file beside the archive. A local
    archive may have neither. The `SHA256SUMS` inside the archive are always checked.

    Args:
      address: a folder, or a .tar.gz that is a local file, at `https://…` or `http://…`, or at an address that
        TensorFlow's file layer can read (`gs://…`).

    Returns:
      The folder of the model that takes text, `qa/<version>` for instance; an archive has exactly one.

    Raises:
      InputError: the archive cannot be read, has another checksum, or is not an archive of an export.
    """
    if not is_archive(address):
        return address
    url, fragment = urllib.parse.urldefrag(address)
    shown = addresses.shown(url)
    expected = _expected_digest(url, fragment)
    if expected is not None and (there := _unpacked(expected)) is not None:
        return there
    if not files.is_remote(url):
        if not os.path.isfile(url):
            raise InputError(f"{url}: no such archive")
        digest = digests.sha256_of(url)
        if expected not in (None, digest):
            raise InputError(f"{url}: has SHA-256 {digest}, expected {expected}; nothing was kept")
        return _unpack(pathlib.Path(url), url, digest)
    # The download is named by its content, so that it can be resumed from any address.
    download = cache_dir() / "downloads" / expected
    transfer.fetch([url], download, sha256=expected)
    try:
        return _unpack(download, shown, expected)
    finally:
        download.unlink(missing_ok=True)


def _expected_digest(url: str, fragment: str) -> str | None:
    """Returns the SHA-256 that an archive should have; None for a local archive without a stated checksum."""
    if fragment:
        digest = fragment.removeprefix("sha256=").lower()
        if not _SHA256.fullmatch(digest):
            raise InputError(
                f"{addresses.shown(url)}#{fragment}: expected #sha256= and 64 hexadecimal digits behind the address"
            )
        return digest
    beside = f"{url}.sha256"
    if not files.is_remote(url) and not os.path.exists(beside):
        return None
    try:
        text = _read_text(beside)
    except InputError as error:
        raise InputError(f"{error}; without that checksum, add #sha256=… to the archive's address") from error
    found = _SHA256.match(text.lower())
    if not found:
        raise InputError(f"{addresses.shown(beside)}: expected a line as `sha256sum` writes it, got {text[:40]!r}")
    return found[0]


def _read_text(url: str) -> str:
    if not addresses.is_web(url):
        return files.read_bytes(url).decode("utf-8", "replace")
    with temporary_files.working_folder() as folder:
        path = pathlib.Path(folder) / "text"
        transfer.fetch([url], path, max_bytes=_MAX_SUMS_BYTES)
        return path.read_text(encoding="utf-8", errors="replace")


def _folder_of(digest: str) -> pathlib.Path:
    return cache_dir() / "exports" / digest


def _unpacked(digest: str) -> str | None:
    """Returns the version folder of an archive that is already unpacked; None if it is not."""
    folder = _folder_of(digest)
    return _version_folder(folder, str(folder)) if folder.is_dir() else None


def _version_folder(folder: pathlib.Path, source: str) -> str:
    models = sorted(folder.glob("*/*/saved_model.pb"))
    taking_text = [model.parent for model in models if not model.parts[-3].endswith("_ids")]
    if len(taking_text) != 1:
        raise InputError(
            f"{source}: holds {len(taking_text)} models that take text, expected one; is it an archive of `export`?"
        )
    return str(taking_text[0])


def _unpack(path: pathlib.Path, source: str, digest: str) -> str:
    """Unpacks a local archive, whose SHA-256 is `digest`, into the cache, completely or not at all."""
    if (there := _unpacked(digest)) is not None:
        return there
    target = _folder_of(digest)
    files.make_folder(target.parent)
    try:
        with temporary_files.folder_for(str(target)) as name:
            _unpack_checked(path, source, pathlib.Path(name))
            try:
                os.rename(name, target)
            except OSError:
                # Another process may have unpacked the same archive in the meantime.
                if not target.is_dir():
                    raise
    except OSError as error:
        raise InputError(f"{target}: cannot write this folder ({error.strerror})") from error
    return _version_folder(target, source)


def _unpack_checked(path: pathlib.Path, source: str, folder: pathlib.Path) -> None:
    try:
        unpacking.unpack(path, folder)
    except InputError as error:
        raise InputError(f"{source}: {error}; expected an archive of `export`") from error
    _check_sums(folder, source)
    _version_folder(folder, source)


def _check_sums(folder: pathlib.Path, source: str) -> None:
    """Checks that `SHA256SUMS` lists exactly the files that are there, with the right checksums."""
    listing = folder / SUMS_FILE
    if not listing.is_file() or listing.stat().st_size > _MAX_SUMS_BYTES:
        raise InputError(f"{source}: holds no {SUMS_FILE}; expected an archive of `export`")
    listed = dict(reversed(line.split("  ", 1)) for line in files.read_text(listing).splitlines() if "  " in line)
    found = {
        file.relative_to(folder).as_posix(): digests.sha256_of(file)
        for file in folder.rglob("*")
        if file.is_file() and file != listing
    }
    wrong = sorted(name for name in listed.keys() | found.keys() if listed.get(name) != found.get(name))
    if wrong:
        raise InputError(f"{source}: {wrong[0]} is not what {SUMS_FILE} says ({len(wrong)} such files)")
